/**
 * What is in a line of a log that is no plain event: container runtimes put a time before it and cut it in pieces (CRI),
 * Docker wraps it, webhooks collect events in lists, a power cut leaves blocks of zeros or half a line with the next one
 * behind it. Rule: every whole event is found, everything else is counted.
 */
import { findHead, HEAD } from './horspool';
import { SLOT } from './members';
import type { EventScan } from './scan';

const NUL = 0;
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
      found.damaged++;
      const tail = lastHead(text);
      // The half of an event, and behind it, without a line break, a whole one.
      if (tail > 0) this.#ifEvent(text.subarray(tail), scan, found);
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

  #ifEvent(text: Uint8Array, scan: EventScan, found: Found): void {
    if (isWhole(text, scan) && scan.scan(text, 0, text.length) && isEvent(scan))
      found.events.push(new Uint8Array(text));
    else found.damaged++;
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

function lastHead(text: Uint8Array): number {
  const view = new DataView(text.buffer, text.byteOffset, text.byteLength);
  let found = -1;
  for (let from = 1; ; from = found + HEAD.length) {
    const next = findHead(text, view, from, text.length);
    if (next === -1) return found;
    found = next;
  }
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
