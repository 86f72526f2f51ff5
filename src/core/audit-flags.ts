/** The --audit-* flags of kube-apiserver. Source: staging/src/k8s.io/apiserver/pkg/server/options/audit.go. */

const BACKEND_FLAGS = [
  'mode',
  'version',
  'batch-buffer-size',
  'batch-max-size',
  'batch-max-wait',
  'batch-throttle-burst',
  'batch-throttle-enable',
  'batch-throttle-qps',
  'truncate-enabled',
  'truncate-max-batch-size',
  'truncate-max-event-size',
];

/** Every audit flag of 1.20 to 1.36, without dashes. */
export const AUDIT_FLAGS: readonly string[] = [
  'audit-policy-file',
  'audit-log-path',
  'audit-log-maxage',
  'audit-log-maxbackup',
  'audit-log-maxsize',
  'audit-log-compress',
  'audit-log-format',
  'audit-webhook-config-file',
  'audit-webhook-initial-backoff',
  'audit-webhook-batch-initial-backoff',
  ...BACKEND_FLAGS.flatMap((name) => [`audit-log-${name}`, `audit-webhook-${name}`]),
];

/**
 * The audit flag that was probably meant; undefined when none is near, or when it is one already.
 * @param flag with or without dashes, a value after `=` is passed over.
 */
export function nearestAuditFlag(flag: string): string | undefined {
  const name = flag.replace(/^-+/, '').replace(/=.*$/s, '').replaceAll('_', '-').toLowerCase();
  if (AUDIT_FLAGS.includes(name)) return undefined;
  const best = AUDIT_FLAGS.map((known) => ({ known, distance: editDistance(name, known) })).sort(
    (a, b) => a.distance - b.distance,
  )[0];
  return best && best.distance <= Math.max(2, Math.floor(name.length / 6)) ? `--${best.known}` : undefined;
}

/** Levenshtein distance: insertions, removals and replacements, each 1. */
export function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
