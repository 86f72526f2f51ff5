/** `policy replay`: a log that ends in damage is replayed as far as it goes, and told; one that cannot be opened is an error. */
import type { Command } from 'commander';
import { runReplay } from '../../change/policy';
import { UserError } from '../../core/errors';
import { replayJson, replayText } from '../../output/policy-replay';
import { globals, styles, type Context } from '../context';
import { loadedPolicy, type VersionFlag } from './input';

export interface ReplayFlags extends VersionFlag {
  log: string[];
  maxAge: number;
  maxBackup: number;
  maxSize: number;
}

export async function replay(
  context: Context,
  command: Command,
  name: string | undefined,
  flags: ReplayFlags,
): Promise<void> {
  const options = globals(command);
  const { maxAge, maxBackup, maxSize } = flags;
  const policy = await loadedPolicy(context, command, name, flags);
  const { result, files } = await runReplay(policy, flags.log, context.replayLogs, {
    rotation: { maxAge, maxBackup, maxSize },
  });
  const unread = files.find(({ bytes, problem }) => problem !== undefined && bytes === 0);
  if (unread)
    throw new UserError('log-unreadable', `cannot read ${unread.path}: ${unread.problem ?? ''}`, {
      hints: [`ls -l ${unread.path}`],
    });
  const { out, talk } = styles(context, options);
  for (const { path, problem } of files)
    if (problem !== undefined)
      context.streams.talk(`${talk.yellow('!')} ${path} could not be read to its end: ${problem}\n`);
  context.streams.out(options.output === 'json' ? replayJson(result, files) : replayText(result, out));
  context.exit(0);
}
