/** Edits of a policy's text for the mends of lint rules. Each answers undefined where the layout leaves it unsure. */
import type { Edit } from '../edit';
import { lineBreakOf, lineStart, nextLine } from '../edit';
import type { PolicyDocument } from '../load';
import type { PathStep } from '../schema';
import type { Span } from '../value';

/** Replaces a name or a scalar, in the quotes it has. */
export function replaceScalar(document: PolicyDocument, span: Span, text: string): Edit {
  const quote = document.text.charAt(span.start);
  const needed = quote === '"' || quote === "'" ? quote : text === '' || text === '*' ? '"' : '';
  return { start: span.start, end: span.end, text: `${needed}${text}${needed}` };
}

/** Inserts a rule before the rule at `index` (from 0) and before the comments that belong to that. */
export function insertRule(document: PolicyDocument, index: number, lines: readonly string[]): Edit | undefined {
  const rule = document.valueAt(['rules', index]);
  if (rule === undefined) return undefined;
  const { text } = document;
  const start = lineStart(text, rule.start);
  const lead = /^( *)- +$/.exec(text.slice(start, rule.start));
  if (lead === null) return undefined;
  const indent = lead[1] ?? '';
  const at = commentsAbove(text, start);
  const lineBreak = lineBreakOf(text);
  return { start: at, end: at, text: lines.map((line) => indent + line + lineBreak).join('') };
}

/** Inserts a line at the top of the file's mapping, before a key and the comments above it. */
export function insertTopLine(document: PolicyDocument, before: string, line: string): Edit | undefined {
  const key = document.keyAt([before]);
  if (key === undefined || lineStart(document.text, key.start) !== key.start) return undefined;
  const at = commentsAbove(document.text, key.start);
  return { start: at, end: at, text: line + lineBreakOf(document.text) };
}

/** Removes a key with its value, where the key begins a line or another key of the mapping follows. */
export function removeKey(document: PolicyDocument, path: readonly PathStep[]): Edit | undefined {
  const parent = document.valueAt(path.slice(0, -1));
  const key = document.keyAt(path);
  const value = document.valueAt(path);
  if (parent?.kind !== 'object' || key === undefined || value === undefined) return undefined;
  const { text } = document;
  const start = lineStart(text, key.start);
  const rest = text.slice(value.end, nextLine(text, value.end));
  if (/^ *$/.test(text.slice(start, key.start)) && /^\s*(#.*)?$/.test(rest.trimEnd())) {
    return { start, end: nextLine(text, value.end), text: '' };
  }
  const following = parent.members
    .map((member) => member.keySpan.start)
    .filter((offset) => offset > key.start)
    .sort((a, b) => a - b)[0];
  if (following === undefined || text.slice(value.end, following).includes('#')) return undefined;
  return { start: key.start, end: following, text: '' };
}

/** Walks up over the comment lines that stand right above a line. */
function commentsAbove(text: string, start: number): number {
  let at = start;
  while (at > 0) {
    const above = lineStart(text, at - 1);
    if (!/^\s*#/.test(text.slice(above, at))) break;
    at = above;
  }
  return at;
}
