/** Bytes of a policy file to text, refusing what the server's YAML reader refuses. */
import { TextProblem } from './value';

/** @throws {TextProblem} with the server's words. */
export function decodeText(bytes: Uint8Array): string {
  const [first, second] = bytes;
  if (first === 0xff && second === 0xfe) return decodeUtf16(bytes, true);
  if (first === 0xfe && second === 0xff) return decodeUtf16(bytes, false);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    const lossy = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
    // JSON is read byte by byte, with a replacement for what is no UTF-8.
    if (/^[\s\u0085]*\{/.test(lossy)) return lossy;
    throw new TextProblem(`yaml: ${utf8Problem(bytes)}`, lossy.indexOf('\ufffd'));
  }
}

function decodeUtf16(bytes: Uint8Array, littleEndian: boolean): string {
  if (bytes.length % 2 !== 0) throw new TextProblem('yaml: incomplete UTF-16 character', 0);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let text = '';
  for (let at = 2; at < bytes.length; at += 2) text += String.fromCharCode(view.getUint16(at, littleEndian));
  return text;
}

/** The smallest code that needs so many octets. */
const SMALLEST = [0, 0, 0x80, 0x800, 0x10000];

/** The first thing wrong, in the order in which the reader looks. */
function utf8Problem(bytes: Uint8Array): string {
  for (let at = 0; at < bytes.length;) {
    const lead = bytes[at] ?? 0;
    const width = lead < 0x80 ? 1 : lead >= 0xf8 ? 0 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 0;
    if (width === 0) return 'invalid leading UTF-8 octet';
    if (at + width > bytes.length) return 'incomplete UTF-8 octet sequence';
    let code = width === 1 ? lead : lead & (0xff >> (width + 1));
    for (const octet of bytes.subarray(at + 1, at + width)) {
      if ((octet & 0xc0) !== 0x80) return 'invalid trailing UTF-8 octet';
      code = (code << 6) | (octet & 0x3f);
    }
    if (code < (SMALLEST[width] ?? 0)) return 'invalid length of a UTF-8 sequence';
    if ((code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) return 'invalid Unicode character';
    at += width;
  }
  return 'invalid leading UTF-8 octet';
}
