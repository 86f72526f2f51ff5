/**
 * What is in a line of a log that is no plain event: container runtimes put a time before it and cut it in pieces (CRI),
 * Docker wraps it, webhooks collect events in lists, a power cut leaves blocks of zeros or half a line with the next one
 * behind it. Rule: every whole event is found, everything else is counted.
 */
import { findHead, HEAD } from './horspool';
import { SLOT } from './members';
import type { EventScan } from './scan';

const NUL = 0;
const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const CRI = /^(\d{4}-\d\d-\d\dT\S+) (stdout|stderr) ([FP]) /;

export interface Found {
  /** Every whole event, as bytes of its own. */
  events: Uint8Array[];
  /** Pieces that are none. */
  damaged: number;
}

/** Keeps the pieces of a line that a container runtime cut, so one for each file. */
export class LineReader {
  #pieces: Uint8Array[] = [];
  #size = 0;
  readonly #largest: number;

  /** @param largest longest line put together again, in bytes. */
  constructor(largest = 256 << 20) {
    this.#largest = largest;
  }

  /** @param scan is used up. */
  read(line: Uint8Array, scan: EventScan): Found {
    const found: Found = { events: [], damaged: 0 };
    let from = 0;
    for (let at = 0; at <= line.length; at++) {
      if (at < line.length && line[at] !== NUL) continue;
      if (at > from) this.#piece(line.subarray(from, at), scan, found);
      from = at + 1;
    }
    return found;
  }

  /** At the end of the file: a line that was never finished. */
  end(): number {
    const left = this.#pieces.length > 0 ? 1 : 0;
    this.#pieces = [];
    this.#size = 0;
    return left;
  }

  #piece(line: Uint8Array, scan: EventScan, found: Found): void {
    const text = trimmed(line);
    if (text.length === 0) return;
    const cri = (text[0] ?? 0) - 0x30 < 10 ? CRI.exec(latin1(text.subarray(0, 64))) : null;
    if (cri === null) {
      this.#event(text, scan, found);
      return;
    }
    if (cri[2] === 'stderr') return;
    this.#size += text.length;
    if (this.#size > this.#largest) {
      found.damaged += this.end();
      return;
    }
    // White space at the end of a piece is its own. A copy: the block that it lies in is read over.
    const begin = text.byteOffset - line.byteOffset + cri[0].length;
    this.#pieces.push(new Uint8Array(withoutBreak(line).subarray(begin)));
    if (cri[3] === 'P') return;
    const whole = joined(this.#pieces);
    this.end();
    const inner = trimmed(whole);
    if (inner.length > 0) this.#event(inner, scan, found);
  }

  #event(text: Uint8Array, scan: EventScan, found: Found): void {
    if (!isWhole(text, scan)) {
      this.#glued(text, scan, found);
      return;
    }
    scan.scan(text, 0, text.length);
    if (scan.kinds[SLOT.items] !== 0 && scan.text(SLOT.kind) === 'EventList') {
      const items = scan.value(SLOT.items);
      for (const item of Array.isArray(items) ? (items as unknown[]) : []) {
        const event = encoded(item);
        if (event === undefined) found.damaged++;
        else this.#ifEvent(event, scan, found);
      }
      return;
    }
    if (isEvent(scan)) {
      found.events.push(new Uint8Array(text));
      return;
    }
    const wrapped = dockerLine(text);
    if (wrapped === undefined) found.damaged++;
    else if (wrapped.length > 0) this.#event(wrapped, scan, found);
  }

  /** Events, and halves of them, one behind the other without a line break. */
  #glued(text: Uint8Array, scan: EventScan, found: Found): void {
    const view = new DataView(text.buffer, text.byteOffset, text.byteLength);
    const headFrom = (from: number): number => findHead(text, view, from, text.length);
    let at = headFrom(0);
    if (at !== 0) found.damaged++;
    let steps = text.length * 4;
    while (at !== -1) {
      const next = headFrom(at + HEAD.length);
      let end = next === -1 ? text.length : next;
      let isFound = this.#addEvent(trimmed(text.subarray(at, end)), scan, found);
      if (!isFound && steps > 0) {
        // A head may stand in a body, and something else behind an event. Looked for only so long: there may be many heads.
        end = closingOf(text, at);
        steps -= (end === -1 ? text.length : end) - at;
        isFound = end !== -1 && this.#addEvent(text.subarray(at, end), scan, found);
      }
      if (!isFound) {
        found.damaged++;
        at = next;
        continue;
      }
      at = headFrom(end);
      if (!isSeparator(trimmed(text.subarray(end, at === -1 ? text.length : at)))) found.damaged++;
    }
  }

  #addEvent(text: Uint8Array, scan: EventScan, found: Found): boolean {
    if (!isWhole(text, scan) || !isEvent(scan)) return false;
    found.events.push(new Uint8Array(text));
    return true;
  }

  #ifEvent(text: Uint8Array, scan: EventScan, found: Found): void {
    if (!this.#addEvent(text, scan, found)) found.damaged++;
  }
}

/** Whether a scanned object is an audit event: it says so, or has what only events have. */
export function isEvent(scan: EventScan): boolean {
  if (scan.kinds[SLOT.kind] !== 0) return scan.is(SLOT.kind, 'Event') && !isClusterEvent(scan);
  return scan.kinds[SLOT.auditID] !== 0 || (scan.kinds[SLOT.stage] !== 0 && scan.kinds[SLOT.verb] !== 0);
}

/** `kubectl get events` prints Events too, of another group. */
function isClusterEvent(scan: EventScan): boolean {
  return scan.kinds[SLOT.auditID] === 0 && scan.kinds[SLOT.stage] === 0 && scan.kinds[SLOT.verb] === 0;
}

function isWhole(text: Uint8Array, scan: EventScan): boolean {
  return scan.scan(text, 0, text.length) && parses(text);
}

function parses(text: Uint8Array): boolean {
  try {
    JSON.parse(utf8.decode(text));
    return true;
  } catch {
    return false;
  }
}

function dockerLine(text: Uint8Array): Uint8Array | undefined {
  const value = JSON.parse(utf8.decode(text)) as { log?: unknown; stream?: unknown };
  if (typeof value.log !== 'string' || typeof value.stream !== 'string') return undefined;
  return value.stream === 'stderr' ? new Uint8Array(0) : trimmed(new TextEncoder().encode(value.log));
}

/** The place after the bracket that closes the one at `from`; -1: there is none. */
function closingOf(text: Uint8Array, from: number): number {
  let depth = 0;
  let isInText = false;
  for (let at = from; at < text.length; at++) {
    const byte = text[at] ?? 0;
    if (isInText) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) isInText = false;
    } else if (byte === QUOTE) isInText = true;
    else if (byte === 0x7b || byte === 0x5b) depth++;
    else if ((byte === 0x7d || byte === 0x5d) && --depth === 0) return at + 1;
  }
  return -1;
}

/** Nothing, or what stands between the items of a list. */
function isSeparator(text: Uint8Array): boolean {
  return text.length === 0 || (text.length === 1 && text[0] === COMMA);
}

const utf8 = new TextDecoder();

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

/** undefined: nested so deep that it cannot be written. */
function encoded(value: unknown): Uint8Array | undefined {
  try {
    return new TextEncoder().encode(JSON.stringify(value));
  } catch {
    return undefined;
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function withoutBreak(line: Uint8Array): Uint8Array {
  return line.at(-1) === 0x0d ? line.subarray(0, -1) : line;
}

/** Without white space around it and a byte order mark before it. */
function trimmed(line: Uint8Array): Uint8Array {
  let from = 0;
  let to = line.length;
  if (line[0] === 0xef && line[1] === 0xbb && line[2] === 0xbf) from = 3;
  while (from < to && isBlank(line[from])) from++;
  while (to > from && isBlank(line[to - 1])) to--;
  return line.subarray(from, to);
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0d || byte === 0x09 || byte === 0x0a;
}
