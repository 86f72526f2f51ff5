/**
 * Texts of a log on a terminal. Rule: a log is written by strangers (names, user agents, URLs are the client's), so nothing of
 * it that a terminal would obey is passed on; and columns are as wide as they look.
 */

/** C0, DEL, C1; soft hyphen, zero width, direction marks and overrides, line separators, byte order mark, tags, lone surrogates. */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]|\udb40[\udc00-\udc7f]/g;

/** Control characters, and those that turn the direction of writing or hide, become visible escapes. */
export function safeText(text: string): string {
  return /^[ -~]*$/.test(text) ? text : text.replace(UNSAFE, escapeOf);
}

function escapeOf(character: string): string {
  const known = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character];
  return (
    known ?? Array.from(character, (one) => `\\u${(one.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`).join('')
  );
}

/** A document; JSON can say everything without a control character, so nothing is lost. */
export function jsonText(value: unknown): string {
  return `${escaped(JSON.stringify(value, null, 2) ?? '')}\n`;
}

export function jsonLine(value: unknown): string {
  return `${escaped(JSON.stringify(value) ?? '')}\n`;
}

/** What JSON.stringify leaves: everything unsafe but the line breaks of its own layout. */
function escaped(json: string): string {
  if (/^[ -~\n]*$/.test(json)) return json;
  return json.replace(UNSAFE, (text) =>
    text === '\n'
      ? text
      : Array.from({ length: text.length }, (_, at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join(
          '',
        ),
  );
}

/** Columns that a terminal gives to a text without control characters. */
export function widthOf(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += characterWidth(character.codePointAt(0) ?? 0);
  return width;
}

/** Cut to so many columns, with an ellipsis in the middle where something is missing. */
export function shortenMiddle(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  const front = Math.ceil((width - 1) / 2);
  const characters = Array.from(text);
  const back = fitting(characters.toReversed(), width - 1 - front).toReversed();
  return `${fitting(characters, front).join('')}\u2026${back.join('')}`;
}

/** As many of the characters as fit. */
function fitting(characters: readonly string[], width: number): string[] {
  let used = 0;
  const count = characters.findIndex((character) => (used += characterWidth(character.codePointAt(0) ?? 0)) > width);
  return characters.slice(0, count === -1 ? undefined : count);
}

export function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)));
}

function characterWidth(code: number): number {
  if (code < 0x300) return 1;
  if (COMBINING.test(String.fromCodePoint(code))) return 0;
  return WIDE.some(([from, to]) => code >= from && code <= to) ? 2 : 1;
}

const COMBINING = /\p{Mn}|\p{Me}/u;

/** East Asian wide and full-width characters, and pictures (Unicode's EastAsianWidth W and F, in blocks). */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1faff],
  [0x20000, 0x3fffd],
];
