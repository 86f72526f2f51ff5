/** What a policy would make of a recorded log. */
import type { ReplayedLog } from '../change/policy';
import type { ReplayResult, Tally } from '../core/policy/replay';
import { paint } from './policy-explain';
import type { Style } from './style';
import { table } from './style';

const MOST_RESOURCES = 15;

export function replayText(result: ReplayResult, style: Style): string {
  const { now, then, dropped, shortened, lengthened, doubled, retention } = result;
  const lines = [
    `Recorded: ${tallyText(now)}${result.from === '' ? '' : `, ${result.from} to ${result.to}`}`,
    `${style.bold('With this policy:')} ${tallyText(then)} (${share(then.bytes, now.bytes)} of the bytes)`,
    `  dropped: ${tallyText(dropped)}`,
    `  bodies left out: ${tallyText(shortened)}`,
  ];
  if (lengthened > 0) lines.push(`  bodies gained: ${lengthened} events, of unknown size`);
  if (doubled.events > 0) lines.push(`  arrivals (RequestReceived) gained: about ${tallyText(doubled)}`);
  lines.push('', table([['rule', 'level', 'events now', 'then', 'bytes now', 'then'], ...ruleRows(result, style)]));
  lines.push('', table([['resource', 'events now', 'then', 'bytes now', 'then'], ...resourceRows(result)]));
  const left = result.resources.length - MOST_RESOURCES;
  if (left > 0) lines.push(style.dim(`and ${left} smaller ones`));
  if (retention !== undefined) lines.push('', retentionText(retention));
  lines.push('', ...result.unknown.map((text) => `  ${style.cyan('\u2013')} ${text}`));
  return `${lines.join('\n')}\n`;
}

/** Numbers that have no end (a log that is never rotated) are null. */
export function replayJson(result: ReplayResult, files: readonly ReplayedLog[] = []): string {
  const { retention, ...rest } = result;
  const shown = files.map(({ path, bytes, problem }) => ({ path, bytes, problem: problem ?? null }));
  return `${JSON.stringify({ ...rest, retention: retention ?? null, files: shown }, null, 2)}\n`;
}

function ruleRows({ rules }: ReplayResult, style: Style): string[][] {
  return rules.map(({ rule, level, now, then }) => [
    rule === null ? 'none' : String(rule),
    paint(level, style),
    String(now.events),
    String(then.events),
    bytesText(now.bytes),
    bytesText(then.bytes),
  ]);
}

function resourceRows({ resources }: ReplayResult): string[][] {
  return resources
    .slice(0, MOST_RESOURCES)
    .map(({ resource, now, then }) => [
      resource,
      String(now.events),
      String(then.events),
      bytesText(now.bytes),
      bytesText(then.bytes),
    ]);
}

function retentionText({ bytesPerDay, days, limit, bytesOnDisk }: NonNullable<ReplayResult['retention']>): string {
  const rate = `At this rate ${bytesText(bytesPerDay)} a day`;
  if (limit === 'nothing') return `${rate}, and nothing is ever removed: the disk fills up.`;
  const held = days < 2 ? `${Math.round(days * 24)} hours` : `${Math.floor(days)} days`;
  return `${rate}: the log reaches back ${held}, limited by ${limit}, and takes up to ${bytesText(bytesOnDisk)} of disk.`;
}

function tallyText({ events, bytes }: Tally): string {
  return `${events} ${events === 1 ? 'event' : 'events'}, ${bytesText(bytes)}`;
}

export function bytesText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? String(Math.round(value)) : value.toFixed(1)} ${units[unit] ?? ''}`;
}

function share(part: number, whole: number): string {
  return whole === 0 ? '0 %' : `${Math.round((part / whole) * 100)} %`;
}
