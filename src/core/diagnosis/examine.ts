/**
 * The examination: every rule is asked, then the answers are put in order. Certain causes of trouble now come first, what
 * another cause brings about stands behind it, and of two rules that found the same the more telling one is kept.
 */
import { auditRules } from './node/audit';
import { certificateRules } from './node/certificates';
import { contentRules } from './node/content';
import { etcdRules } from './node/etcd';
import { flagRules } from './node/flags';
import { folderRules } from './node/folder';
import { kubeletRules } from './node/kubelet';
import { laterRules } from './node/later';
import { diskRules, portRules } from './node/machine';
import { manifestFileRules } from './node/manifest-file';
import { runtimeRules } from './node/runtime';
import { serverRules } from './node/server';
import { staticPodRules } from './node/static-pods';
import { volumeRules } from './node/volumes';
import { wedgeRules } from './node/wedge';
import type { Cause } from './cause';
import type { NodeSight } from './node-sight';
import { examineManifest, type Patient } from './patient';

export type NodeRule = (patient: Patient) => Cause[];

/** From the ground up: of two certain causes the lower one is told first. */
const RULES: readonly NodeRule[] = [
  runtimeRules,
  kubeletRules,
  staticPodRules,
  diskRules,
  manifestFileRules,
  folderRules,
  contentRules,
  volumeRules,
  flagRules,
  auditRules,
  certificateRules,
  etcdRules,
  portRules,
  serverRules,
  wedgeRules,
  laterRules,
];

export interface Examination {
  /** The API server runs as the manifest says and is ready, and nothing was found that is trouble now. */
  healthy: boolean;
  apiServer: 'ready' | 'not-ready' | 'other' | 'starting' | 'down';
  kubelet: 'running' | 'down';
  etcd: 'healthy' | 'unhealthy' | 'unknown';
  causes: readonly Cause[];
  warnings: readonly Cause[];
}

export function examine(sight: NodeSight, extra: readonly Cause[] = []): Examination {
  const patient = examineManifest(sight);
  const found = merged([...RULES.flatMap((rule) => rule(patient)), ...extra]);
  const causes = ranked(found.filter(({ when }) => when === 'now'));
  return {
    healthy: causes.length === 0 && patient.healthy,
    apiServer: serverState(patient),
    kubelet: sight.kubelet.process ? 'running' : 'down',
    etcd: etcdState(sight),
    causes,
    warnings: found.filter(({ when }) => when === 'later'),
  };
}

function serverState({ sight, healthy, right }: Patient): Examination['apiServer'] {
  if (healthy) return 'ready';
  if (right.some(({ listening }) => listening)) return 'not-ready';
  if (sight.servers.some(({ listening }) => listening)) return sight.health.state === 'ok' ? 'other' : 'not-ready';
  return right.length > 0 ? 'starting' : 'down';
}

function etcdState({ etcd }: NodeSight): Examination['etcd'] {
  const asked = etcd.endpoints.filter(({ state }) => state !== 'unasked');
  if (asked.length === 0) return 'unknown';
  return asked.some(({ state }) => state === 'healthy') ? 'healthy' : 'unhealthy';
}

/** One cause a code and place: evidence of both is kept, and a mend that is precise wins over a restore. */
function merged(found: readonly Cause[]): Cause[] {
  const result: Cause[] = [];
  for (const one of found) {
    const index = result.findIndex((other) => same(other, one));
    const other = result[index];
    if (!other) {
      result.push(one);
      continue;
    }
    const evidence = [...other.evidence];
    for (const each of one.evidence)
      if (!evidence.some(({ where, text }) => where === each.where && text === each.text)) evidence.push(each);
    const mend = other.mend ?? one.mend;
    result[index] = {
      ...other,
      certain: other.certain || one.certain,
      when: other.when === 'now' || one.when === 'now' ? 'now' : 'later',
      evidence,
      ...(mend ? { mend } : {}),
    };
  }
  return result;
}

function same(a: Cause, b: Cause): boolean {
  if (a.finding.code !== b.finding.code) return false;
  // The watch's rules name one trouble a kind; they have no place to tell two of it apart.
  const places = [a, b].map(({ finding }) => finding.place);
  if (places.some((place) => place === undefined))
    return SINGULAR.has(a.finding.code) || a.finding.title === b.finding.title;
  return places[0]?.line === places[1]?.line && places[0]?.file === places[1]?.file;
}

const SINGULAR = new Set([
  'unknown-flag',
  'invalid-flag-value',
  'flag-given-twice',
  'audit-policy-refused',
  'audit-policy-not-mounted',
  'audit-policy-missing',
  'audit-policy-is-a-folder',
  'audit-log-read-only',
  'audit-log-is-a-folder',
  'port-in-use',
  'etcd-unreachable',
  'audit-events-lost',
]);

/** Certain before likely, causes before what they bring about; otherwise from the ground up. */
function ranked(causes: readonly Cause[]): Cause[] {
  const brought = causes.map((cause): Cause => {
    const by = causes.find(
      (other) =>
        other !== cause &&
        other.certain &&
        other.brings?.includes(cause.finding.code) === true &&
        !circular(cause, other),
    );
    return by ? { ...cause, followsFrom: by.finding.code } : cause;
  });
  const rank = (cause: Cause): number => (cause.followsFrom === undefined ? 0 : 2) + (cause.certain ? 0 : 1);
  return brought
    .map((cause, index) => ({ cause, index }))
    .sort((a, b) => rank(a.cause) - rank(b.cause) || a.index - b.index)
    .map(({ cause }) => cause);
}

/** Two that bring each other about: the one below in the order of rules is the root. */
function circular(cause: Cause, other: Cause): boolean {
  return cause.certain && cause.brings?.includes(other.finding.code) === true;
}
