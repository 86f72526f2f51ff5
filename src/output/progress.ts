/** A change while it runs: a line a stage, and between them one live line for terminals. */
import type { ChangeEvent } from '../change/events';
import type { Stage } from '../core/verdict';
import { unreachable } from '../core/errors';
import { findingText } from './finding';
import { rehearsalText } from './rehearsal';
import { seconds, type Style } from './style';

export interface ProgressLine {
  /** A line that stays. */
  line?: string;
  /** A line that the next one replaces; shown on terminals only. */
  live?: string;
}

const REACHED: Record<Stage, string> = {
  aside: 'the manifest is aside: the kubelet ends the server',
  deaf: 'the server has stopped listening',
  ended: 'its process has ended',
  written: 'new manifest in place',
  noticed: 'the kubelet takes the new manifest',
  away: 'the old server has stopped listening',
  started: 'the new server runs',
  ready: '/readyz answers ok',
  steady: 'and stays so',
  proven: 'an event of ours reached the log',
  restoring: 'old manifest back in place',
  restarted: 'the old server runs again',
  restored: 'the old server is healthy',
};

const WAITING: Record<Stage, string> = {
  aside: 'waiting for the server to stop listening',
  deaf: 'requests under way may end',
  ended: 'waiting for the kubelet to let go of the old pod',
  written: 'waiting for the kubelet to notice',
  noticed: 'waiting for the old server to end',
  away: 'waiting for the new server to start',
  started: 'waiting for /readyz',
  ready: 'making sure that it stays',
  steady: 'looking for our event in the log',
  proven: 'done',
  restoring: 'waiting for the old server',
  restarted: 'waiting for /readyz',
  restored: 'done',
};

export function progressLine(event: ChangeEvent, style: Style): ProgressLine {
  const ok = style.green('\u2713');
  switch (event.kind) {
    case 'step':
      return { line: `${ok} ${event.text}` };
    case 'note':
      return { line: `${style.yellow('!')} ${event.text}` };
    case 'rehearsal':
      return { line: rehearsalText(event.rehearsal, style) };
    case 'recovering':
      return { line: `${style.yellow('!')} change ${event.changeId} was not finished: finishing or undoing it` };
    case 'stage':
      return { line: timed(`${ok} ${REACHED[event.stage]}`, event.afterMs, style) };
    case 'waiting': {
      const away = event.awayMs > 0 ? `, API away for ${seconds(event.awayMs)}` : '';
      const doubt = event.doubt ? `  ${style.yellow(event.doubt.title)}` : '';
      return { live: `  ${style.dim(`${WAITING[event.stage]} (${seconds(event.afterMs)}${away})`)}${doubt}` };
    }
    case 'failed':
      return {
        line: `${timed(`${style.red('\u2717')} the change failed; going back`, event.afterMs, style)}\n${findingText(event.cause, style)}`,
      };
    case 'proof':
      return event.proof.state === 'proven'
        ? { line: timed(`${ok} ${event.proof.summary}`, event.afterMs, style) }
        : event.proof.state === 'skipped'
          ? {}
          : { line: timed(`${style.yellow('!')} ${event.proof.summary}`, event.afterMs, style) };
    default:
      return unreachable(event);
  }
}

function timed(text: string, ms: number, style: Style): string {
  return `${text} ${style.dim(`(${seconds(Math.max(0, ms))})`)}`;
}
