/**
 * Audit flags that the server would not start with: unknown ones, and values it cannot read. And those given twice, of which
 * it takes the last without a word. Source: staging/src/k8s.io/apiserver/pkg/server/options/audit.go.
 */
import { AUDIT_FLAGS, nearestAuditFlag } from '../audit-flags';
import type { Finding } from '../finding';
import { expand, known } from '../manifest/expand';
import { isBooleanAuditFlag, parseBoolean, parseDuration } from '../manifest/flags';
import type { Flag } from '../manifest/flags';
import type { Server } from '../manifest/server';
import type { Judge } from './judged';

export const auditFlags: Judge = ({ server }) => [
  ...server.flags.flatMap((flag) => unknownFlag(flag) ?? badValue(server, flag) ?? []),
  ...givenTwice(server),
];

function unknownFlag(flag: Flag): Finding | undefined {
  const { name } = flag;
  const gone = GONE.get(name) ?? removedGate(flag);
  // Spelling is compared only where the first word may be `audit`: the server has some thirty other flags.
  if (gone === undefined && (AUDIT_FLAGS.includes(name) || !/^(?:audit|[audit]{3,7}-)/i.test(name))) return undefined;
  const meant = nearestAuditFlag(name);
  if (gone === undefined && meant === undefined && !/^audit/i.test(name)) return undefined;
  return {
    code: 'unknown-flag',
    severity: 'error',
    title: gone?.title ?? `kube-apiserver has no flag --${name}`,
    detail: 'It would end at once with: unknown flag',
    place: flag.place,
    remedy: [
      gone?.remedy ??
        (meant === undefined
          ? 'remove it; the flags there are: kube-apiserver --help | grep audit'
          : `write ${meant} instead of --${name}`),
    ],
  };
}

const GONE: ReadonlyMap<string, { title: string; remedy: string }> = new Map([
  [
    'audit-dynamic-configuration',
    {
      title: '--audit-dynamic-configuration was removed in Kubernetes 1.19',
      remedy: 'remove it, and name the receiver with --audit-webhook-config-file',
    },
  ],
]);

function removedGate({ name, value }: Flag): { title: string; remedy: string } | undefined {
  if (name !== 'feature-gates' || !/(?:^|,)\s*DynamicAuditing=/.test(value ?? '')) return undefined;
  return {
    title: 'the feature gate DynamicAuditing was removed in Kubernetes 1.19',
    remedy: 'take DynamicAuditing out of --feature-gates',
  };
}

function badValue(server: Server, flag: Flag): Finding | undefined {
  const { name, form } = flag;
  if (!AUDIT_FLAGS.includes(name)) return undefined;
  const value = flag.value === undefined ? undefined : known(expand(flag.value, server.environment));
  if (flag.value !== undefined && value === undefined) return undefined;
  const wanted = isBooleanAuditFlag(name)
    ? parseBoolean(value) === undefined && 'true or false'
    : value === undefined
      ? 'a value'
      : misfit(name, value);
  if (wanted === false || wanted === undefined) return undefined;
  return {
    code: 'invalid-flag-value',
    severity: 'error',
    title: form === 'bare' ? `--${name} needs a value` : `--${name} must be ${wanted}, not ${JSON.stringify(value)}`,
    detail: 'The API server would not start.',
    place: flag.valueAt?.place ?? flag.place,
    remedy: [form === 'bare' ? `write --${name}=VALUE` : `write ${wanted}`],
  };
}

/** What the value of a flag must be, when it is not. */
function misfit(name: string, value: string): string | undefined {
  if (/-(?:maxage|maxbackup|maxsize)$/.test(name)) return /^\+?\d+$/.test(value) ? undefined : 'a whole number';
  if (/-(?:buffer-size|max-size|throttle-burst|max-batch-size|max-event-size)$/.test(name))
    return /^[-+]?\d+$/.test(value) ? undefined : 'a whole number';
  if (name.endsWith('-throttle-qps')) return Number.isFinite(Number(value)) && value !== '' ? undefined : 'a number';
  if (/-(?:max-wait|initial-backoff)$/.test(name))
    return parseDuration(value) === undefined ? 'a time such as 10s' : undefined;
  if (name.endsWith('-mode')) return oneOf(value, ['batch', 'blocking', 'blocking-strict']);
  if (name.endsWith('-format')) return oneOf(value, ['json', 'legacy']);
  if (name.endsWith('-version')) return oneOf(value, ['audit.k8s.io/v1']);
  return undefined;
}

function oneOf(value: string, allowed: readonly string[]): string | undefined {
  return allowed.includes(value) ? undefined : allowed.join(' or ');
}

function givenTwice(server: Server): Finding[] {
  const names = server.flags.map(({ name }) => name).filter((name) => name.startsWith('audit-'));
  return [...new Set(names)].flatMap((name): Finding[] => {
    const given = server.flags.filter((flag) => flag.name === name);
    const first = given[0];
    if (given.length < 2 || first === undefined) return [];
    return [
      {
        code: 'flag-given-twice',
        severity: 'warning',
        title: `--${name} is given ${given.length} times; the last one counts`,
        place: first.place,
        remedy: [`Remove all but the last --${name} from the manifest.`],
      },
    ];
  });
}
