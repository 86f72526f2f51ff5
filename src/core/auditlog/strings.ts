/** JSON texts in bytes: where they end, and what they say. */

export const utf8 = new TextDecoder();

const ONES = 0x01010101;
const HIGHS = 0x80808080 | 0;
const QUOTES = 0x22222222;
const BACKSLASHES = 0x5c5c5c5c;
const BLANKS = 0x20202020;

/**
 * Where the text ends that begins at `start` (after its opening quote): the place of its closing quote, below zero when
 * there are escapes in it, 0 when it does not end before `limit` or has a control character in it.
 */
export function stringEnd(bytes: Uint8Array, view: DataView, start: number, limit: number): number {
  const last = limit - 8;
  let at = start;
  // Eight bytes at once: is one of them a quote, a backslash or below 0x20?
  while (at <= last) {
    const word = view.getInt32(at, true);
    const next = view.getInt32(at + 4, true);
    const quote = word ^ QUOTES;
    const slash = word ^ BACKSLASHES;
    const found = ((quote - ONES) & ~quote) | ((slash - ONES) & ~slash) | ((word - BLANKS) & ~word);
    if ((found & HIGHS) !== 0) break;
    const nextQuote = next ^ QUOTES;
    const nextSlash = next ^ BACKSLASHES;
    const later = ((nextQuote - ONES) & ~nextQuote) | ((nextSlash - ONES) & ~nextSlash) | ((next - BLANKS) & ~next);
    if ((later & HIGHS) !== 0) {
      at += 4;
      break;
    }
    at += 8;
  }
  for (; at < limit; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === 0x22) return at;
    if (byte === 0x5c) return -escapedEnd(bytes, at, limit);
    if (byte < 0x20) return 0;
  }
  return 0;
}

function escapedEnd(bytes: Uint8Array, start: number, limit: number): number {
  for (let at = start; at < limit; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === 0x22) return at;
    if (byte === 0x5c) at++;
    else if (byte < 0x20) return 0;
  }
  return 0;
}

/** @param from after the opening quote, @param to before the closing one. */
export function decodeText(bytes: Uint8Array, from: number, to: number, escaped: boolean): string {
  if (escaped) return unescape(utf8.decode(bytes.subarray(from, to)));
  if (to - from > 24) return utf8.decode(bytes.subarray(from, to));
  let text = '';
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0;
    if (byte > 0x7e) return utf8.decode(bytes.subarray(from, to));
    text += String.fromCharCode(byte);
  }
  return text;
}

function unescape(text: string): string {
  try {
    return JSON.parse(`"${text}"`) as string;
  } catch {
    return '';
  }
}
