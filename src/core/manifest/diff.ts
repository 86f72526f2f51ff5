/** Texts compared by lines: for showing a change, and for carrying a change over to a text that has moved on. */
import { diffArrays, FILE_HEADERS_ONLY, formatPatch, structuredPatch } from 'diff';

/**
 * A unified diff with three lines of context and no times, so that equal changes give equal diffs. Empty when the
 * texts are equal.
 */
export function unifiedDiff(before: string, after: string, { file }: { file: string }): string {
  if (before === after) return '';
  const patch = structuredPatch(`a/${file.replace(/^\//, '')}`, `b/${file.replace(/^\//, '')}`, before, after, '', '', {
    context: 3,
  });
  return formatPatch(patch, FILE_HEADERS_ONLY);
}

export interface DiffStat {
  added: number;
  removed: number;
}

/** How many lines a change adds and removes. */
export function diffStat(before: string, after: string): DiffStat {
  const stat = { added: 0, removed: 0 };
  for (const hunk of hunksOf(linesOf(before), linesOf(after))) {
    stat.added += hunk.lines.length;
    stat.removed += hunk.end - hunk.start;
  }
  return stat;
}

/** A place that both sides changed, differently. Lines count from 1 in the base. */
export interface MergeConflict {
  line: number;
  base: readonly string[];
  current: readonly string[];
  target: readonly string[];
}

export type MergeResult = { ok: true; text: string } | { ok: false; conflicts: readonly MergeConflict[] };

/**
 * Makes the changes from base to target in `current`, which came from base as well. Changes of one place by both sides
 * conflict, unless they are the same change; so do two insertions at one place, as nobody knows their order.
 */
export function mergeText({ base, current, target }: { base: string; current: string; target: string }): MergeResult {
  if (current === base) return { ok: true, text: target };
  if (target === base || target === current) return { ok: true, text: current };
  // Whether the text ends in a line break is merged by itself, or adding a line at the end would change the one before.
  const closed = isClosed(current) === isClosed(base) ? isClosed(target) : isClosed(current);
  const lines = closedLines(base);
  const ours = hunksOf(lines, closedLines(current));
  const wanted = hunksOf(lines, closedLines(target));
  const conflicts: MergeConflict[] = [];
  const changes = [...ours];
  for (const hunk of wanted) {
    const others = ours.filter((other) => overlap(hunk, other));
    if (others.some((other) => equal(hunk, other))) continue;
    if (others.length === 0) changes.push(hunk);
    for (const other of others)
      conflicts.push({
        line: Math.min(hunk.start, other.start) + 1,
        base: lines.slice(Math.min(hunk.start, other.start), Math.max(hunk.end, other.end)).map(bare),
        current: other.lines.map(bare),
        target: hunk.lines.map(bare),
      });
  }
  if (conflicts.length > 0) return { ok: false, conflicts };
  // An insertion stands before a change of the line that it was made at.
  changes.sort((a, b) => a.start - b.start || a.end - b.end);
  let text = '';
  let at = 0;
  for (const change of changes) {
    text += lines.slice(at, change.start).join('') + change.lines.join('');
    at = change.end;
  }
  text += lines.slice(at).join('');
  return { ok: true, text: closed ? text : text.replace(/\r?\n$/, '') };
}

/** Lines [start, end) of the base become `lines`. */
interface Hunk {
  start: number;
  end: number;
  lines: readonly string[];
}

function hunksOf(before: readonly string[], after: readonly string[]): Hunk[] {
  const hunks: Hunk[] = [];
  let at = 0;
  let open: { start: number; end: number; lines: string[] } | undefined;
  for (const part of diffArrays([...before], [...after])) {
    if (!part.added && !part.removed) {
      open = undefined;
      at += part.value.length;
      continue;
    }
    if (open === undefined) hunks.push((open = { start: at, end: at, lines: [] }));
    if (part.added) open.lines.push(...part.value);
    else open.end = at += part.value.length;
  }
  return hunks;
}

function overlap(a: Hunk, b: Hunk): boolean {
  if (a.start === a.end && b.start === b.end) return a.start === b.start;
  return a.start < b.end && b.start < a.end;
}

function equal(a: Hunk, b: Hunk): boolean {
  return a.start === b.start && a.end === b.end && a.lines.join('') === b.lines.join('');
}

function isClosed(text: string): boolean {
  return text === '' || text.endsWith('\n');
}

/** All lines with a line break, the last included: the text's own kind. */
function closedLines(text: string): string[] {
  if (isClosed(text)) return linesOf(text);
  return linesOf(text + (text.includes('\r\n') ? '\r\n' : '\n'));
}

/** Lines with their line breaks, so that joining them gives the text. */
function linesOf(text: string): string[] {
  return text === '' ? [] : text.split(/(?<=\n)/);
}

function bare(line: string): string {
  return line.replace(/\r?\n$/, '');
}
