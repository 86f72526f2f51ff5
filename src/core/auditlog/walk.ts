/**
 * Walks through the bytes of an event for a scan: keys, values, ends. Rule: a step may be left out only where the server's own
 * order makes it certain what lies there; anything else is walked byte by byte.
 */
import { containsHead } from './horspool';
import {
  ABSENT,
  ESCAPED,
  EVENT,
  HEAD_KEYS,
  HEAD_TEXT,
  OTHER,
  PLAIN,
  SLOT,
  TAIL,
  TAIL_STEPS,
  type Key,
  type Member,
} from './members';
import type { EventScan } from './scan';
import { decodeText, stringEnd } from './strings';

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
/** Annotations follow the times; longer ones are found by walking. */
const TAIL_WINDOW = 16384;

/** The head in the server's order and without a blank; false leaves rubbish behind and says nothing of the line. */
export function openInOrder(s: EventScan, start: number): boolean {
  const { view, limit } = s;
  if (!startsWith(view, start, limit, HEAD_TEXT)) return false;
  let at = start + HEAD_TEXT.length;
  s.kinds[SLOT.kind] = PLAIN;
  s.from[SLOT.kind] = start + 9;
  s.to[SLOT.kind] = start + 14;
  for (let i = 0; i < HEAD_KEYS.length; i++) {
    const { key, slot } = HEAD_KEYS[i] as { key: Key; slot: number };
    // The first key stands in the head text.
    if (i > 0) {
      if (!startsWith(view, at, limit, key)) return false;
      at += key.length;
    }
    let end = stringEnd(s.bytes, view, at, limit);
    if (end === 0) return false;
    s.kinds[slot] = end < 0 ? ESCAPED : PLAIN;
    if (end < 0) end = -end;
    s.from[slot] = at;
    s.to[slot] = end;
    at = end;
  }
  s.next = at + 1;
  return true;
}

/** From within the user object to the end of the event. */
export function walkRest(s: EventScan, at: number): number {
  const user = EVENT[USER] as Member;
  const inner = members(s, at, user.inner ?? [], 1, false);
  if (inner < 0) return -1;
  s.kinds[SLOT.user] = OTHER;
  s.from[SLOT.user] = (s.from[SLOT['user.username']] ?? 0) - '{"username":"'.length;
  s.to[SLOT.user] = inner;
  return members(s, inner, EVENT, USER + 1, true);
}

/** Where what comes late begins, among the members of an event. */
export const LATE = EVENT.findIndex(({ slot }) => slot === SLOT.responseStatus);

const RECEIVED = EVENT.findIndex(({ slot }) => slot === SLOT.requestReceivedTimestamp);
const USER = EVENT.findIndex(({ slot }) => slot === SLOT.user);

/** An event from its opening brace on, every byte of it. @returns the place after it, or -1. */
export function walkAll(s: EventScan, start: number): number {
  const first = blank(s, start);
  s.start = first;
  return s.bytes[first] === OPEN ? object(s, first + 1, EVENT, 0, true) : -1;
}

/** An event from one of its keys on. @returns the place after it, or -1. */
export function walkFrom(s: EventScan, keyAt: number, expected: number): number {
  return member(s, keyAt, EVENT, expected, true);
}

/** @param at after the opening brace. @returns the place after the closing one, or -1. */
function object(s: EventScan, at: number, known: readonly Member[], expected: number, top: boolean): number {
  const first = blank(s, at);
  if (s.bytes[first] === CLOSE && first < s.limit) return first + 1;
  return member(s, first, known, expected, top);
}

/** @param at after a value: a comma and more members, or the end. */
function members(s: EventScan, at: number, known: readonly Member[], expected: number, top: boolean): number {
  const here = blank(s, at);
  if (here >= s.limit) return -1;
  if (s.bytes[here] === CLOSE) return here + 1;
  if (s.bytes[here] !== COMMA) return -1;
  return member(s, blank(s, here + 1), known, expected, top);
}

function member(s: EventScan, start: number, known: readonly Member[], first: number, top: boolean): number {
  const { bytes, view, limit } = s;
  let at = start;
  let expected = first;
  for (;;) {
    if (at >= limit || bytes[at] !== QUOTE) return -1;
    const keyAt = at;
    let found: Member | undefined;
    const word = at + 4 <= limit ? view.getInt32(at, true) : 0;
    for (let next = expected; next < known.length; next++) {
      const candidate = known[next] as Member;
      if (candidate.first === word && startsWith(view, at, limit, candidate.key)) {
        found = candidate;
        expected = next + 1;
        at += candidate.key.length;
        break;
      }
    }
    if (found === undefined) {
      const end = stringEnd(bytes, view, at + 1, limit);
      if (end === 0) return -1;
      found = lookUp(known, decodeText(bytes, at + 1, Math.abs(end), end < 0));
      at = blank(s, Math.abs(end) + 1);
      if (at >= limit || bytes[at] !== COLON) return -1;
      at++;
    }
    const tail = top && found?.late === true ? passOver(s, keyAt, at, found) : -1;
    if (tail === limit) return tail;
    if (tail >= 0) expected = RECEIVED;
    at = tail >= 0 ? tail : value(s, isBlank(bytes[at]) ? blank(s, at) : at, found);
    if (at < 0) return -1;
    if (isBlank(bytes[at])) at = blank(s, at);
    if (at >= limit) return -1;
    if (bytes[at] === CLOSE) return at + 1;
    if (bytes[at] !== COMMA) return -1;
    at++;
    if (bytes[at] !== QUOTE) at = blank(s, at);
  }
}

/** What comes late in the server's order is not walked through. @returns where to go on, or -1. */
function passOver(s: EventScan, keyAt: number, at: number, found: Member): number {
  if (found.slot === SLOT.annotations) return isLast(s, at) ? takeRest(s, at) : -1;
  const tail = jump(s, at);
  if (tail >= 0) s.lateAt = keyAt;
  return tail;
}

function value(s: EventScan, at: number, known: Member | undefined): number {
  if (at >= s.limit) return -1;
  const { bytes, kinds } = s;
  const first = bytes[at];
  let end: number;
  let kind = OTHER;
  let from = at;
  if (known?.inner !== undefined) for (const slot of known.within) kinds[slot] = ABSENT;
  if (first === QUOTE) {
    const close = stringEnd(bytes, s.view, at + 1, s.limit);
    if (close === 0) return -1;
    kind = close < 0 ? ESCAPED : PLAIN;
    from = at + 1;
    end = Math.abs(close) + 1;
  } else if (known?.inner !== undefined && first === OPEN) end = object(s, at + 1, known.inner, 0, false);
  else end = skip(s, at);
  if (end >= 0 && known !== undefined && known.slot >= 0) {
    kinds[known.slot] = kind;
    s.from[known.slot] = from;
    s.to[known.slot] = kind === OTHER ? end : end - 1;
  }
  return end;
}

/**
 * Response status and bodies end, in the server's order, where the times begin: that is found from the line's end.
 * @returns the place of the comma before the times, or -1 when they have to be walked through.
 */
function jump(s: EventScan, at: number): number {
  // What has come before cannot stand between here and the tail.
  if (!s.inOrder || !BEFORE.every((slot) => s.kinds[slot] !== ABSENT)) return -1;
  const tail = findTail(s, at);
  if (tail < 0) return -1;
  const last = s.bytes[tail - 1];
  return last === CLOSE || last === CLOSE_LIST || last === QUOTE ? tail : -1;
}

/** Annotations end an event in the server's order: a list of texts, and the event's own end. */
function isLast(s: EventScan, at: number): boolean {
  const { bytes, limit } = s;
  const ends = bytes[limit - 1] === CLOSE && bytes[limit - 2] === CLOSE && bytes[limit - 3] === QUOTE;
  return s.inOrder && ends && bytes[at] === OPEN && bytes[at + 1] === QUOTE && !containsHead(bytes, s.view, at, limit);
}

function takeRest(s: EventScan, at: number): number {
  const { annotations } = SLOT;
  s.kinds[annotations] = OTHER;
  s.from[annotations] = at;
  s.to[annotations] = s.limit - 1;
  return s.limit;
}

const BEFORE = [SLOT.sourceIPs, SLOT.userAgent, SLOT.objectRef];

/** The comma before the times that end the event, looked for from its end; -1 when they are not there. */
function findTail({ bytes, view, limit }: EventScan, after: number): number {
  const from = Math.max(after, limit - TAIL_WINDOW);
  for (let at = limit - TAIL.length; at >= from;) {
    const step = TAIL_STEPS[bytes[at] ?? 0] ?? 1;
    if (step === 0 && startsWith(view, at, limit, TAIL)) {
      // Two lines that a crash left glued together: the second one's head is no part of a body.
      return containsHead(bytes, view, after, at) ? -1 : at;
    }
    at -= step === 0 ? 1 : step;
  }
  return -1;
}

/** @returns the place after any value; its strings and brackets are looked at, no more. */
function skip(s: EventScan, start: number): number {
  const { bytes, view, limit } = s;
  const first = bytes[start];
  if (first !== OPEN && first !== OPEN_LIST) return scalar(bytes, start, limit);
  let depth = 0;
  for (let at = start; at < limit; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === QUOTE) {
      at = Math.abs(stringEnd(bytes, view, at + 1, limit));
      if (at === 0) return -1;
    } else if (byte === OPEN || byte === OPEN_LIST) depth++;
    else if (byte === CLOSE || byte === CLOSE_LIST) {
      if (--depth === 0) return at + 1;
    }
  }
  return -1;
}

function scalar(bytes: Uint8Array, start: number, limit: number): number {
  let at = start;
  while (at < limit) {
    const byte = bytes[at] ?? 0;
    // Letters, digits, + - .
    if (byte < 0x2b || byte === COMMA || byte === COLON || byte > 0x7a || byte === CLOSE_LIST) break;
    at++;
  }
  return at === start ? -1 : at;
}

function blank(s: EventScan, start: number): number {
  const { bytes, limit } = s;
  let at = start;
  while (at < limit && isBlank(bytes[at])) at++;
  return at;
}

export function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0d || byte === 0x09 || byte === 0x0a;
}

/** Eight or four bytes at a time, the last ones once more. */
function startsWith(view: DataView, at: number, limit: number, { length, words, doubles }: Key): boolean {
  if (at + length > limit) return false;
  let i = 0;
  if (length < 8) {
    if (length > 4 && view.getInt32(at, true) !== words[i++]) return false;
    return view.getInt32(at + length - 4, true) === words[i];
  }
  for (let offset = 0; offset < length - 8; offset += 8) {
    if (view.getFloat64(at + offset, true) !== doubles[i++]) return false;
  }
  return view.getFloat64(at + length - 8, true) === doubles[i];
}

function lookUp(known: readonly Member[], name: string): Member | undefined {
  return known.find((each) => each.name === name);
}
