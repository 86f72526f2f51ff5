/** A rehearsal, for people and for JSON. */
import type { RehearsalReport } from '../core/outcome';
import { seconds, type Style } from './style';

const MARK = { accepted: '\u2713', rejected: '\u2717', 'not-possible': '!', skipped: '!' } as const;

/** One line: `\u2713 rehearsed in 0.4 s: the node's own kube-apiserver v1.36.0 accepts the new arguments`. */
export function rehearsalText({ state, summary, ms }: RehearsalReport, style: Style): string {
  const paint = state === 'accepted' ? style.green : state === 'rejected' ? style.red : style.yellow;
  const tried = state === 'accepted' || state === 'rejected';
  return `${paint(MARK[state])} ${tried ? `rehearsed in ${seconds(ms)}: ` : ''}${summary}`;
}

export function rehearsalJson({ ms, ...report }: RehearsalReport): Record<string, unknown> {
  return { ...report, seconds: Math.round(ms) / 1000 };
}
