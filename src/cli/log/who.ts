/** `log who`: who did it, in one line. */
import type { Command } from 'commander';
import { parseQuestion } from '../../core/auditlog/question';
import { timeArgument } from '../../core/auditlog/time';
import type { Policy } from '../../core/policy/types';
import { askWho } from '../../change/log-who';
import { nodeLog, type LogNames } from '../../change/log';
import { kubeVersionOf } from '../../change/manifest';
import { requirePolicy } from '../../change/policy';
import { safeText } from '../../output/log/text';
import { whoJson, whoNotes, whoText } from '../../output/log/who';
import { openWorld } from '../change-options';
import { globals, rootOf, sandboxField, styles, type Context } from '../context';
import { loadedPolicy } from '../policy/input';
import { resourceHint } from './hints';
import { withLogs, type LogFlags } from './input';

export interface WhoFlags extends LogFlags {
  namespace?: string;
  since?: string;
  until?: string;
  policy?: string;
}

const POLICY_LIMIT = 4 << 20;

export async function who(
  context: Context,
  command: Command,
  verb: string,
  words: string[],
  flags: WhoFlags,
): Promise<void> {
  const { target, files } = targetOf(words);
  const question = parseQuestion(verb, target, flags.namespace);
  const since = flags.since === undefined ? undefined : timeArgument(flags.since, context.now(), flags.utc, true);
  const until = flags.until === undefined ? undefined : timeArgument(flags.until, context.now(), flags.utc);
  const { names, policy } = await logAndPolicy(context, command, files, flags);
  const options = globals(command);
  const { out, talk } = styles(context, options);
  await withLogs(context, command, names, async (logs) => {
    const span = { ...(since === undefined ? {} : { since }), ...(until === undefined ? {} : { until }) };
    const report = await askWho(logs, question, span, policy);
    if (report.answers.length === 0) {
      const { resource, group } = question.target;
      const name = group === undefined ? resource : `${resource}.${group}`;
      for (const hint of resourceHint(name)) context.streams.talk(`${talk.yellow('!')} ${safeText(hint)}\n`);
    }
    if (options.output === 'json') return whoJson(report, question, logs.files, sandboxField(options));
    context.streams.talk(whoNotes(report, question, since, talk, flags.utc));
    return whoText(report, question, out, flags.utc);
  });
  context.exit(0);
}

/** `secret/important`, or `secret important` as two words; what follows are logs. */
function targetOf([first = '', ...rest]: string[]): { target: string; files: string[] } {
  if (
    first.includes('/') ||
    rest.length === 0 ||
    !/^[\w.*-]+$/.test(rest[0] ?? '') ||
    /\.(?:log|json|gz)/.test(rest[0] ?? '')
  )
    return { target: first, files: rest };
  return { target: `${first}/${rest[0] ?? ''}`, files: rest.slice(1) };
}

/** The policy that wrote the log is known of the node's own log only, or has to be named. */
async function logAndPolicy(
  context: Context,
  command: Command,
  files: readonly string[],
  flags: WhoFlags,
): Promise<{ names: LogNames; policy: Policy | undefined }> {
  const names = [...files, ...(flags.log ?? [])];
  const policy = flags.policy === undefined ? undefined : await loadedPolicy(context, command, flags.policy, {});
  if (names.length > 0) return { names: { kind: 'named', names }, policy };
  const options = globals(command);
  const world = openWorld(context, options);
  const own = await nodeLog(world.files, options.manifest, rootOf(options));
  const path = own.live.audit.policy?.hostPath;
  if (policy !== undefined || path === undefined) return { names: own.names, policy };
  const { bytes } = await world.files.read(path, POLICY_LIMIT);
  return { names: own.names, policy: requirePolicy({ file: path, text: bytes }, kubeVersionOf(own.live.server)) };
}
