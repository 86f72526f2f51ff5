/** What may have been meant by a question that nothing answers. Told on standard error, and only then. */
import type { Command } from 'commander';
import { isOfOwn } from '../../core/auditlog/resources';
import { unknownField } from '../../core/auditlog/fields';
import { splitValues } from '../../core/auditlog/patterns';
import { timeText } from '../../core/auditlog/time';
import { closest } from '../../core/policy/spelling';
import type { OpenLogs } from '../../change/log';
import { safeText } from '../../output/log/text';
import { shortTime } from '../../output/log/time';
import { globals, styles, type Context } from '../context';
import type { FilterFlags } from './input';

const LEVELS = ['Metadata', 'Request', 'RequestResponse'];
const DECISIONS = ['allow', 'forbid'];
const REFUSED = new Set(['deny', 'denied', 'reject', 'rejected', 'forbidden', 'refuse', 'refused']);
/** Called verbs by kubectl, and below pods to the server. */
const BELOW_PODS: Readonly<Record<string, string>> = {
  exec: 'exec',
  attach: 'attach',
  'port-forward': 'portforward',
  portforward: 'portforward',
  log: 'log',
  logs: 'log',
  evict: 'eviction',
};
const VERBS: Readonly<Record<string, string>> = {
  edit: 'update,patch',
  apply: 'patch',
  describe: 'get',
  run: 'create',
  drain: 'create -r pods/eviction',
};

/** To be told when no event matches. */
export async function tellNothing(
  context: Context,
  command: Command,
  logs: OpenLogs,
  flags: FilterFlags,
): Promise<void> {
  const { talk } = styles(context, globals(command));
  const [from, to] = [await logs.oldest(), await logs.newest()];
  const text = (time: number): string => shortTime(timeText(time), flags.utc);
  const covered =
    from === undefined
      ? 'there are no events in the log'
      : to === undefined
        ? `no events match; the log begins at ${text(from)}`
        : `no events match; the log covers ${text(from)} to ${text(to)}`;
  for (const line of [covered, ...hintsOf(flags)]) context.streams.talk(`${talk.yellow('!')} ${safeText(line)}\n`);
}

/** Of fields that no server writes: their columns are empty, whatever matches. */
export function tellUnknownFields(context: Context, command: Command, fields: readonly string[]): void {
  const { talk } = styles(context, globals(command));
  for (const name of fields) {
    const found = unknownField(name);
    if (found === undefined) continue;
    const meant = found.meant === undefined ? '' : `: did you mean ${found.meant}?`;
    context.streams.talk(`${talk.yellow('!')} the server writes no field ${safeText(name)}${meant}\n`);
  }
}

export function hintsOf({ level, decision, verb, resource }: FilterFlags): string[] {
  return [
    ...wanted(level).flatMap((each) => wrong(each, LEVELS, '--level', closest(each, LEVELS))),
    ...wanted(decision).flatMap((each) =>
      wrong(each, DECISIONS, '--decision', REFUSED.has(each.toLowerCase()) ? 'forbid' : closest(each, DECISIONS)),
    ),
    ...wanted(verb).flatMap((each) => {
      const below = Object.hasOwn(BELOW_PODS, each) ? BELOW_PODS[each] : undefined;
      if (below !== undefined) return [`${each} is no verb of the server: -r pods/${below}`];
      const verbs = Object.hasOwn(VERBS, each) ? VERBS[each] : undefined;
      return verbs === undefined ? [] : [`${each} is no verb of the server: --verb ${verbs}`];
    }),
    ...wanted(resource).flatMap(resourceHint),
  ];
}

/** Of a resource that is none of Kubernetes' own. */
export function resourceHint(name: string): string[] {
  const own = isOfOwn(name);
  if (own.is) return [];
  return [
    `${name} is no resource of Kubernetes itself${own.meant === undefined ? '' : `: did you mean ${own.meant}?`}`,
  ];
}

function wanted(values: readonly string[] | undefined): string[] {
  return splitValues(values ?? []).filter((value) => value !== '' && !value.startsWith('!') && !value.includes('*'));
}

function wrong(value: string, known: readonly string[], option: string, meant: string | undefined): string[] {
  if (known.includes(value)) return [];
  return [
    `${option} ${value} is none: ${meant === undefined ? `one of ${known.join(', ')}` : `did you mean ${meant}?`}`,
  ];
}
