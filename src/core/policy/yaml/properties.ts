/** Anchors, aliases, tags and directives. */
import type { Cursor } from './cursor';
import { isBlank, isBlankOrEnd, isBreakOrEnd, isWord } from './cursor';
import type { Token } from './token';

export function scanAnchor(cursor: Cursor): Token {
  const start = cursor.mark();
  const kind = cursor.read() === '*' ? 'alias' : 'anchor';
  const name = readWord(cursor);
  const end = cursor.mark();
  const next = cursor.peek();
  if (name === '' || !(isBlankOrEnd(next) || '?:,]}%@`'.includes(next))) {
    cursor.fail('did not find expected alphabetic or numeric character');
  }
  return { kind, name, start, end };
}

export function scanTag(cursor: Cursor): Token {
  const start = cursor.mark();
  let handle = '';
  let suffix: string;
  if (cursor.peek(1) === '<') {
    cursor.skip(2);
    suffix = scanUri(cursor, '');
    if (cursor.peek() !== '>') cursor.fail("did not find the expected '>'");
    cursor.skip();
  } else {
    handle = scanHandle(cursor, false);
    if (handle.length > 1 && handle.endsWith('!')) suffix = scanUri(cursor, '');
    else {
      suffix = scanUri(cursor, handle);
      handle = '!';
      if (suffix === '') [handle, suffix] = [suffix, handle];
    }
  }
  if (!isBlankOrEnd(cursor.peek())) cursor.fail('did not find expected whitespace or line break');
  return { kind: 'tag', handle, suffix, start, end: cursor.mark() };
}

export function scanDirective(cursor: Cursor): Token {
  const start = cursor.mark();
  cursor.skip();
  const name = readWord(cursor);
  if (name === '') cursor.fail('could not find expected directive name');
  if (!isBlankOrEnd(cursor.peek())) cursor.fail('found unexpected non-alphabetical character');
  let token: Token;
  if (name === 'YAML') {
    cursor.skipBlanks();
    const major = scanVersionNumber(cursor);
    if (cursor.peek() !== '.') cursor.fail("did not find expected digit or '.' character");
    cursor.skip();
    const minor = scanVersionNumber(cursor);
    token = { kind: 'version', major, minor, start, end: cursor.mark() };
  } else if (name === 'TAG') {
    cursor.skipBlanks();
    const handle = scanHandle(cursor, true);
    if (!isBlank(cursor.peek())) cursor.fail('did not find expected whitespace');
    cursor.skipBlanks();
    const prefix = scanUri(cursor, '');
    if (!isBlankOrEnd(cursor.peek())) cursor.fail('did not find expected whitespace or line break');
    token = { kind: 'tag-directive', handle, prefix, start, end: cursor.mark() };
  } else return cursor.fail('found unknown directive name');
  cursor.skipBlanks();
  if (cursor.peek() === '#') cursor.skipToLineEnd();
  if (!isBreakOrEnd(cursor.peek())) cursor.fail('did not find expected comment or line break');
  cursor.readBreak();
  return token;
}

function scanVersionNumber(cursor: Cursor): number {
  let digits = '';
  while (/^[0-9]$/.test(cursor.peek())) {
    if (digits.length === 2) cursor.fail('found extremely long version number');
    digits += cursor.read();
  }
  if (digits === '') cursor.fail('did not find expected version number');
  return Number(digits);
}

function scanHandle(cursor: Cursor, directive: boolean): string {
  if (cursor.peek() !== '!') cursor.fail("did not find expected '!'");
  let handle = cursor.read() + readWord(cursor);
  if (cursor.peek() === '!') handle += cursor.read();
  else if (directive && handle !== '!') cursor.fail("did not find expected '!'");
  return handle;
}

/** @param head a handle that turned out to be the start of the URI: `!` or `!name`. */
function scanUri(cursor: Cursor, head: string): string {
  let uri = head.slice(1);
  let found = head !== '';
  for (;;) {
    const character = cursor.peek();
    if (character === '%') uri += scanUriEscape(cursor);
    else if (isWord(character) || (character !== '' && ";/?:@&=+$,.!~*'()[]".includes(character))) uri += cursor.read();
    else break;
    found = true;
  }
  if (!found) cursor.fail('did not find expected tag URI');
  return uri;
}

/** One character, as one to four escaped octets of UTF-8. */
function scanUriEscape(cursor: Cursor): string {
  const octet = (): number => {
    const digits = cursor.text.slice(cursor.offset + 1, cursor.offset + 3);
    if (cursor.peek() !== '%' || !/^[0-9A-Fa-f]{2}$/.test(digits)) {
      cursor.fail('did not find URI escaped octet');
    }
    return parseInt(digits, 16);
  };
  const first = octet();
  const width = first < 0x80 ? 1 : first >= 0xf8 ? 0 : first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 0;
  if (width === 0) cursor.fail('found an incorrect leading UTF-8 octet');
  const octets = [first];
  cursor.skip(3);
  while (octets.length < width) {
    const next = octet();
    if ((next & 0xc0) !== 0x80) cursor.fail('found an incorrect trailing UTF-8 octet');
    octets.push(next);
    cursor.skip(3);
  }
  return new TextDecoder().decode(Uint8Array.from(octets));
}

function readWord(cursor: Cursor): string {
  let word = '';
  while (isWord(cursor.peek())) word += cursor.read();
  return word;
}
