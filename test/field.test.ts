/**
 * What goes wrong in the field, all of it: every row of the collection of symptoms ends as a check that prevents it, a
 * diagnosis that names it, or a lint rule that finds it, with what proves it; or with the reason why a node cannot show it.
 * Rule: nothing is claimed here by words alone: codes stand in the sources, scenarios and tests are there.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sourceCodes } from './support/source-codes';

interface Row {
  symptom: string;
  codes?: string[];
  /** Folders of test/scenario. */
  scenarios?: string[];
  /** A file below test/, and words that stand in it: the title of a test. */
  tests?: [file: string, words: string][];
  /** Why there is nothing of it to be seen on a node. */
  reason?: string;
}

const DOCTOR = 'core/diagnosis/field.test.ts';
const PREFLIGHT = 'change/preflight.test.ts';
const LINT = 'core/policy/lint/rules.test.ts';

const ROWS: Record<number, Row> = {
  1: {
    symptom: 'the policy is not mounted',
    codes: ['path-not-mounted', 'audit-policy-not-mounted'],
    scenarios: ['policy-not-mounted-1.20', 'policy-not-mounted-1.36', 'json-log-policy-not-mounted-1.36'],
  },
  2: {
    symptom: 'the mirror pod cannot be deleted, and is taken for the cause',
    codes: ['mirror-pod-stale'],
    scenarios: ['mirror-pod-cannot-be-deleted-1.36'],
    tests: [[DOCTOR, 'a mirror pod that cannot be deleted is a note']],
  },
  3: {
    symptom: 'no container: a hostPath of type File is missing',
    codes: ['host-path-missing', 'volume-path-wrong', 'volume-not-mountable'],
    scenarios: [
      ...['volume-type-file-missing-1.20', 'volume-type-file-missing-1.36', 'volume-type-directory-missing-1.36'],
      'doctor-volume-file-missing',
    ],
  },
  4: {
    symptom: 'the policy became a folder',
    codes: ['policy-path-is-folder', 'audit-policy-is-a-folder'],
    scenarios: ['policy-is-a-folder-1.36', 'doctor-policy-is-a-folder'],
  },
  5: {
    symptom: 'the log is a folder',
    codes: ['log-path-not-a-file', 'audit-log-is-a-folder'],
    scenarios: ['log-is-a-folder-1.36', 'doctor-log-is-a-folder'],
  },
  6: {
    symptom: 'the log is mounted as a file: rotation fails',
    codes: ['log-mounted-as-file', 'audit-log-mounted-as-file', 'audit-events-lost'],
    scenarios: ['log-rotation-busy-1.36'],
    tests: [[DOCTOR, 'rotation fails, the server stays healthy']],
  },
  7: {
    symptom: 'the log is mounted read-only',
    codes: ['audit-log-read-only'],
    scenarios: ['log-mounted-read-only-1.36', 'log-open-read-only-1.20', 'doctor-log-read-only'],
  },
  8: {
    symptom: 'a backup in the folder wins',
    codes: ['second-manifest', 'other-manifest-wins'],
    scenarios: ['backup-beside-the-manifest-wins-1.36', 'doctor-backup-in-the-folder'],
  },
  9: {
    symptom: 'kubeadm upgrade: the hash does not change, for a backup in the folder',
    codes: ['second-manifest'],
    scenarios: ['doctor-backup-in-the-folder'],
  },
  10: {
    symptom: 'the policy lies in the manifests folder',
    codes: ['file-inside-manifests', 'policy-in-manifests'],
    scenarios: ['policy-inside-the-manifests-folder-1.36', 'doctor-policy-in-the-manifests-folder'],
  },
  11: {
    symptom: 'kubectl apply of a policy',
    reason: 'kubectl is told by the API that there is no such kind; nothing of it reaches the node',
  },
  12: {
    symptom: 'a policy of a removed version',
    codes: ['wrong-api-version', 'audit-policy-refused'],
    scenarios: ['policy-v1beta1-1.36', 'doctor-policy-wrong-version'],
  },
  13: {
    symptom: 'a policy without kind, or without rules',
    codes: ['wrong-kind', 'missing-api-version', 'no-rules', 'audit-policy-refused'],
    scenarios: ['policy-without-kind-1.36', 'policy-without-rules-1.36', 'doctor-policy-without-rules'],
  },
  14: {
    symptom: 'a policy with a misspelt field is read in part',
    codes: ['unknown-field', 'audit-policy-questionable', 'audit-policy-read-leniently'],
    tests: [
      [DOCTOR, 'a policy with verb: instead of verbs: loads, and logs too much'],
      [DOCTOR, 'the server says that it read the policy in part'],
    ],
  },
  15: {
    symptom: 'a flag that the server does not know',
    codes: ['unknown-flag'],
    scenarios: ['unknown-flag-1.20', 'unknown-flag-1.36', 'doctor-unknown-flag'],
  },
  16: {
    symptom: 'a manifest that is no YAML',
    codes: ['manifest-syntax', 'manifest-rejected'],
    scenarios: [
      ...['manifest-not-yaml-1.20', 'manifest-not-yaml-1.36', 'manifest-not-yaml-seen-by-the-poll-1.36'],
      ...['doctor-tabs', 'doctor-indentation'],
    ],
  },
  17: {
    symptom: 'a manifest read when half of it is written',
    codes: ['manifest-rejected', 'manifest-no-containers', 'manifest-empty'],
    scenarios: ['manifest-half-written-1.36', 'doctor-manifest-empty'],
    tests: [[DOCTOR, 'the half-written manifest of an editor that writes in place']],
  },
  18: {
    symptom: 'edited in place: the server is stopped, and never started',
    codes: ['being-edited', 'stray-file', 'static-pod-lost'],
    scenarios: ['editor-temp-file-gone-1.36'],
    tests: [[DOCTOR, 'not a word from the kubelet, after an edit in place']],
  },
  19: {
    symptom: 'the policy was edited, and nothing changes',
    codes: ['policy-not-running'],
    tests: [[DOCTOR, 'a policy that was edited is not read again until the server is started anew']],
  },
  20: {
    symptom: 'the container sees the policy of before',
    codes: ['policy-not-running'],
    tests: [
      [DOCTOR, 'a policy that was replaced by a rename is another one to the server'],
      ['change/status.test.ts', 'the policy was replaced by a rename'],
    ],
  },
  21: {
    symptom: 'the flags are gone after an upgrade',
    codes: ['audit-flags-gone', 'drift'],
    tests: [['change/status.test.ts', 'kubeadm has upgraded, and written the manifest anew']],
  },
  22: {
    symptom: 'extraArgs of the wrong kubeadm version',
    reason:
      'kubeadm says it on its own terminal, before it writes anything; this tool does not write kubeadm’s configuration',
  },
  23: {
    symptom: 'another control plane fails to join',
    codes: ['other-control-planes', 'host-path-missing', 'volume-path-wrong'],
    scenarios: ['doctor-volume-file-missing'],
    tests: [[PREFLIGHT, 'second control plane fails to join']],
  },
  24: {
    symptom: 'the disk fills up',
    codes: ['log-limit-zero', 'log-unlimited', 'log-disk-small', 'audit-log-disk-full', 'disk-nearly-full'],
    scenarios: ['log-disk-full-1.36', 'doctor-log-disk-full'],
    tests: [[DOCTOR, 'no limit of age and number: the disk fills']],
  },
  25: {
    symptom: 'the log reaches back hours only',
    codes: ['log-too-short', 'noise'],
    tests: [[DOCTOR, 'the rotated logs reach back a few hours only']],
  },
  26: {
    symptom: 'the log is /dev/stdout',
    codes: ['log-path-is-device', 'audit-log-is-a-device'],
    scenarios: ['log-stdout-no-space-1.20'],
    tests: [[DOCTOR, 'the audit log is /dev/stdout']],
  },
  27: {
    symptom: 'bodies of reads cost memory and time',
    codes: ['bodies-of-reads'],
    tests: [[LINT, 'bodies-of-reads: a catch-all that logs every answer']],
  },
  28: {
    symptom: 'the webhook’s receiver is too slow',
    codes: ['audit-buffer-full', 'audit-webhook-unreachable'],
    scenarios: ['webhook-trouble-is-not-the-logs-1.36'],
    tests: [[DOCTOR, 'the receiver is too slow']],
  },
  29: {
    symptom: 'the webhook has a name of the cluster’s DNS',
    codes: ['webhook-cluster-dns', 'audit-webhook-unreachable'],
    tests: [
      [DOCTOR, 'the receiver’s name is one of the cluster’s DNS'],
      [PREFLIGHT, 'a *.svc name never works'],
    ],
  },
  30: {
    symptom: 'SELinux keeps the server from its log',
    codes: ['log-in-auditd-folder', 'audit-log-denied'],
    scenarios: ['log-denied-1.20', 'log-denied-1.36'],
    tests: [[DOCTOR, 'SELinux keeps the server from its log']],
  },
  31: {
    symptom: 'the shipper cannot read the log',
    reason:
      'as which user a shipper runs is not known on the node; docs/shipping.md tells of the mode 0600, and what to do',
  },
  32: {
    symptom: 'the log is inside the container',
    codes: ['path-not-on-host', 'log-not-on-host', 'audit-log-not-on-host'],
    tests: [[DOCTOR, 'the log is inside the container']],
  },
  33: {
    symptom: 'a server before 1.25 does not make the log’s folder',
    codes: ['audit-log-folder-missing'],
    scenarios: ['log-folder-missing-1.36'],
    tests: [[DOCTOR, 'does not make the folder of its log']],
  },
  34: {
    symptom: 'the log stays empty',
    codes: ['audit-incomplete', 'logs-nothing', 'no-event-in-log', 'log-silent', 'unreachable-rule'],
    scenarios: ['doctor-log-without-policy'],
  },
  35: {
    symptom: 'failed logins are not logged',
    codes: ['hidden-logins'],
    tests: [[LINT, 'hidden-logins error']],
  },
  36: {
    symptom: 'another control plane answers the health check',
    codes: ['address-not-of-this-node', 'api-not-ready'],
    tests: [[PREFLIGHT, 'health is green though the local server is dead']],
  },
  37: {
    symptom: 'kubespray does not write the manifests anew',
    reason: 'it is a setting of the machine that kubespray runs on; on the node nothing has changed',
  },
  38: {
    symptom: 'time is lost in an exam',
    reason: 'not a failure of a node; edited policies that do not run are row 19',
  },
  39: {
    symptom: 'people want a runbook',
    reason: 'that is what the tool is; one node at a time is told by other-control-planes, row 23',
  },
};

const codes = sourceCodes('src');
const rows = Object.entries(ROWS);

test('every row is answered, with proof or with a reason', () => {
  expect(rows.map(([row]) => Number(row))).toEqual(Array.from({ length: 39 }, (_, at) => at + 1));
  for (const [row, { codes: named = [], scenarios = [], tests = [], reason }] of rows) {
    const proven = named.length > 0 && scenarios.length + tests.length > 0;
    expect([row, proven, proven ? undefined : reason]).toEqual([row, reason === undefined, reason]);
  }
});

test.each(rows.map(([row, about]) => [row, about.symptom, about] as const))(
  'row %s: %s',
  (_row, _symptom, { codes: named = [], scenarios = [], tests = [] }) => {
    expect(named.filter((code) => !codes.has(code))).toEqual([]);
    expect(scenarios.filter((name) => !existsSync(join('test/scenario', name, 'expect.json')))).toEqual([]);
    for (const [file, words] of tests) expect(readFileSync(join('test', file), 'utf8')).toContain(words);
  },
);

test('a scenario that says of which row it is stands in that row', () => {
  for (const name of readdirSync('test/scenario')) {
    const path = join('test/scenario', name, 'scene.json');
    if (!existsSync(path)) continue;
    const { field = [] } = JSON.parse(readFileSync(path, 'utf8')) as { field?: number[] };
    for (const row of field) expect([row, ROWS[row]?.scenarios]).toEqual([row, expect.arrayContaining([name])]);
  }
});
