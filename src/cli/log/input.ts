/** Options that the log's commands share: which log, which events, how they are shown. */
import type { Command } from 'commander';
import type { FilterSpec } from '../../core/auditlog/filter';
import { compileFilter } from '../../core/auditlog/filter';
import { timeArgument } from '../../core/auditlog/time';
import { UserError } from '../../core/errors';
import { nodeLog, type LogNames, type OpenLogs } from '../../change/log';
import { filesText } from '../../output/log/notes';
import { openWorld } from '../change-options';
import { globals, rootOf, styles, type Context } from '../context';

export interface LogFlags {
  log?: string[];
  utc: boolean;
}

export interface FilterFlags extends LogFlags {
  user?: string[];
  as?: string[];
  group?: string[];
  verb?: string[];
  resource?: string[];
  namespace?: string[];
  name?: string[];
  ip?: string[];
  code?: string[];
  decision?: string[];
  level?: string[];
  stage?: string[];
  agent?: string[];
  uri?: string[];
  annotation?: string[];
  auditId?: string[];
  where?: string[];
  preset?: string[];
  since?: string;
  until?: string;
}

/** @throws {UserError} for values that cannot be read. */
export function filterOf(flags: FilterFlags, now: number): FilterSpec {
  const { since, until, utc, user, as, group, verb, resource, namespace, name, ip, code } = flags;
  const { decision, level, stage, agent, uri, annotation, auditId, where, preset } = flags;
  const lists = { user, as, group, verb, resource, namespace, name, ip, code, decision };
  const more = { level, stage, agent, uri, annotation, auditId, where, preset };
  const given = Object.fromEntries(Object.entries({ ...lists, ...more }).filter(([, values]) => values !== undefined));
  const spec: FilterSpec = {
    ...(given as FilterSpec),
    ...(since === undefined ? {} : { since: timeArgument(since, now, utc, true) }),
    ...(until === undefined ? {} : { until: timeArgument(until, now, utc) }),
  };
  if (spec.since !== undefined && spec.until !== undefined && spec.since > spec.until)
    throw new UserError('bad-time', '--since is later than --until', {
      hints: [`--since ${until ?? ''} --until ${since ?? ''}`],
    });
  compileFilter(spec);
  return spec;
}

/** The logs that the arguments and --log name, or this node's own. */
export async function namesOf(
  context: Context,
  command: Command,
  files: readonly string[],
  flags: LogFlags,
): Promise<LogNames> {
  const names = [...files, ...(flags.log ?? [])];
  if (names.length > 0) return { kind: 'named', names };
  const options = globals(command);
  const world = openWorld(context, options);
  return (await nodeLog(world.files, options.manifest, rootOf(options))).names;
}

/**
 * Opens the logs, lets `work` read them, tells what was wrong with them, and prints what it answers: not when nothing at all
 * could be read.
 */
export async function withLogs(
  context: Context,
  command: Command,
  names: LogNames,
  work: (logs: OpenLogs) => Promise<string>,
): Promise<void> {
  const logs = await (await context.logs()).open(names);
  try {
    const answer = await work(logs);
    const unread = logs.files.find(({ problem }) => problem !== undefined);
    if (unread && logs.given === 0 && logs.files.every(({ events }) => events === 0)) {
      throw new UserError('log-unreadable', `cannot read ${unread.path}: ${unread.problem ?? ''}`, {
        hints: [`ls -l ${unread.path}`],
      });
    }
    context.streams.talk(filesText(logs.files, styles(context, globals(command)).talk));
    context.streams.out(answer);
  } finally {
    logs.close();
  }
}

/** A rename over a log that is being read, or written by the server, would end it. @throws {UserError} `output-is-input`. */
export function refuseInput(logs: OpenLogs, path: string): void {
  if (!logs.reads(path)) return;
  throw new UserError('output-is-input', `${path} is one of the logs that are read`, { hints: ['name another file'] });
}
