/** The time line: two rows of bars over the same time, verbs above, outcomes below. */
import { OUTCOMES, VERB_CLASSES, type ReportData } from '../../../core/auditlog/report';
import { evenBars } from '../../../core/auditlog/timeline';
import { shortTime } from '../time';
import { esc } from './escape';

const BARS = 96;
const WIDTH = 960;
const HEIGHT = 110;

interface Bar {
  time: string;
  counts: number[];
}

export function timelineHtml({ timeline }: ReportData, utc: boolean): string {
  const even = evenBars(timeline, BARS);
  const { step } = even;
  const bars = even.bars.map(([minute, counts]): Bar => ({
    time: new Date(minute * 60_000).toISOString().slice(0, 16),
    counts,
  }));
  if (bars.length === 0) return '<p>No events.</p>';
  const verbs = bars.map(({ counts }) => VERB_CLASSES.map((_, at) => sum(counts.slice(at * 3, at * 3 + 3))));
  const outcomes = bars.map(({ counts }) =>
    OUTCOMES.map((_, at) => sum(VERB_CLASSES.map((__, verb) => counts[verb * 3 + at] ?? 0))),
  );
  const first = bars[0]?.time ?? '';
  const last = bars.at(-1)?.time ?? '';
  return [
    `<p>A bar is ${esc(stepText(step))}.</p>`,
    legend(VERB_CLASSES, 'v'),
    svg(bars, verbs, VERB_CLASSES, 'v', utc),
    legend(OUTCOMES, 'o'),
    svg(bars, outcomes, OUTCOMES, 'o', utc),
    `<p class="axis"><span>${esc(shortTime(`${first}:00Z`, utc))}</span><span>${esc(shortTime(`${last}:00Z`, utc))}</span></p>`,
  ].join('\n');
}

function svg(
  bars: readonly Bar[],
  stacks: readonly number[][],
  names: readonly string[],
  kind: string,
  utc: boolean,
): string {
  const most = Math.max(1, ...stacks.map(sum));
  const wide = WIDTH / bars.length;
  const rects = stacks.flatMap((stack, at) => {
    let top = HEIGHT;
    const label = stack
      .map((count, which) => (count > 0 ? `${names[which] ?? ''} ${count}` : ''))
      .filter((each) => each !== '');
    const parts = stack.map((count, which) => {
      const high = (count / most) * HEIGHT;
      top -= high;
      return count === 0
        ? ''
        : `<rect class="${kind}${which}" x="${(at * wide).toFixed(1)}" y="${top.toFixed(1)}" width="${Math.max(1, wide - 1).toFixed(1)}" height="${high.toFixed(1)}"/>`;
    });
    const title = `${shortTime(`${bars[at]?.time ?? ''}:00Z`, utc)}: ${label.join(', ') || 'nothing'}`;
    return [
      `<g><title>${esc(title)}</title><rect class="hit" x="${(at * wide).toFixed(1)}" y="0" width="${wide.toFixed(1)}" height="${HEIGHT}"/>${parts.join('')}</g>`,
    ];
  });
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="events by time, at most ${most} a bar" preserveAspectRatio="none">${rects.join('')}</svg>`;
}

function legend(names: readonly string[], kind: string): string {
  return `<p class="legend">${names.map((name, at) => `<span><i class="${kind}${at}"></i>${esc(name)}</span>`).join(' ')}</p>`;
}

function stepText(minutes: number): string {
  if (minutes % 1440 === 0) return minutes === 1440 ? 'a day' : `${minutes / 1440} days`;
  if (minutes % 60 === 0) return minutes === 60 ? 'an hour' : `${minutes / 60} hours`;
  return minutes === 1 ? 'a minute' : `${minutes} minutes`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
