/** `log follow`: events as they are written, until Ctrl-C. */
import type { Command } from 'commander';
import { parseEvent } from '../../core/auditlog/event';
import { UserError } from '../../core/errors';
import { openWorld } from '../change-options';
import type { Live } from '../../change/log';
import { safeText } from '../../output/log/text';
import { globals, styles, type Context } from '../context';
import { filterOf, namesOf, type FilterFlags } from './input';
import { printer, type ShowFlags } from './query';

export interface FollowFlags extends FilterFlags, ShowFlags {}

export async function follow(context: Context, command: Command, files: string[], flags: FollowFlags): Promise<void> {
  const filter = filterOf(flags, context.now());
  const options = globals(command);
  if (options.output === 'json')
    throw new UserError('usage', 'what never ends is no single document', {
      hints: ['kube-auditctl log follow -o jsonl'],
    });
  const print = printer(context, command, flags, 'log follow', true);
  const names = await namesOf(context, command, files, flags);
  if (names.kind === 'named' && names.names.includes('-'))
    throw new UserError('usage', 'standard input needs no following', { hints: ['… | kube-auditctl log query -'] });
  const { interrupts } = openWorld(context, options);
  const stopped = new AbortController();
  interrupts.first.addEventListener('abort', () => {
    stopped.abort();
  });
  if (interrupts.first.aborted) stopped.abort();
  const { talk } = styles(context, options);
  const live: Live = {
    signal: stopped.signal,
    say: (message) => {
      context.streams.talk(`${talk.yellow('!')} ${safeText(message)}\n`);
    },
    ...(names.kind === 'node' ? { again: () => namesOf(context, command, files, flags) } : {}),
  };
  // That nobody reads any more is known a moment after it was written to, and the next event may be far.
  const watching = setInterval(() => {
    if (context.streams.outClosed?.() === true) stopped.abort();
  }, CLOSED_MS);
  try {
    for await (const { raw, open } of (await context.logs()).follow(names, filter, live)) {
      if (stopped.signal.aborted) break;
      context.streams.out(print.add(parseEvent(raw), open));
      const drained = context.streams.outDrained?.();
      if (drained !== undefined) await either(drained, stopped.signal);
    }
  } finally {
    clearInterval(watching);
  }
  context.exit(0);
}

const CLOSED_MS = 100;

/** A reader that takes nothing may take nothing for ever: Ctrl-C is to be heard all the same. */
function either(drained: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      signal.removeEventListener('abort', done);
      resolve();
    };
    signal.addEventListener('abort', done);
    void drained.then(done);
    if (signal.aborted) done();
  });
}
