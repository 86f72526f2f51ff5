/** How Go writes values into its messages: the server's words must come out byte for byte. */

/** Go's %q. */
export function goQuote(text: string): string {
  return `"${Array.from(text, (character) => escapeRune(character, '"')).join('')}"`;
}

/** How encoding/json shows a character it did not expect. */
export function goQuoteCharacter(character: string): string {
  return `'${escapeRune(character, "'")}'`;
}

/** encoding/json's Marshal of a string: HTML's special characters are escaped. */
export function goJson(text: string): string {
  return JSON.stringify(text).replace(/[<>&\u2028\u2029]/g, (character) => `\\u${hex(character.charCodeAt(0), 4)}`);
}

export function goJsonList(texts: readonly string[]): string {
  return `[${texts.map(goJson).join(',')}]`;
}

const SHORT: ReadonlyMap<string, string> = new Map(
  Object.entries({
    '\\': '\\\\',
    '\x07': '\\a',
    '\b': '\\b',
    '\f': '\\f',
    '\n': '\\n',
    '\r': '\\r',
    '\t': '\\t',
    '\v': '\\v',
  }),
);

function escapeRune(character: string, quote: string): string {
  if (character === quote) return `\\${quote}`;
  const short = SHORT.get(character);
  if (short !== undefined) return short;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20 || code === 0x7f) return `\\x${hex(code, 2)}`;
  // Go prints letters, marks, numbers, punctuation, symbols and the ASCII space; everything else is escaped.
  if (character === ' ' || /^[\p{L}\p{M}\p{N}\p{P}\p{S}]$/u.test(character)) return character;
  return code > 0xffff ? `\\U${hex(code, 8)}` : `\\u${hex(code, 4)}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}
