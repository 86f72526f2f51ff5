/**
 * Events on their way from the one that finds them to the one that answers, many in a buffer. Rule: the buffers go back and
 * are filled again. One that is left to the garbage collector stays for long, since it does not count for its size there.
 */
import type { EventScan } from '../../core/auditlog/scan';
import type { Rank } from '../../core/auditlog/stages';

/** What was found out about an event where it was found. */
export interface Told {
  /** Of its first byte in its file; NaN: it is nowhere else. */
  at: number;
  /** Of its request, and how far that has come with it. */
  key: number;
  rank: Rank;
  /** It passes the whole filter. */
  wanted: boolean;
}

/** One after the other: place and key of the event (eight bytes each), its length (four), rank and whether it is wanted, its bytes. */
export interface Batch {
  bytes: Uint8Array<ArrayBuffer>;
  used: number;
}

const SIZE = 128 << 10;
const HEAD = 22;
/** Larger events are read once more by whoever wants them, where that can be done. */
const LARGE = 32 << 10;

export class BatchWriter {
  readonly #onBatch: (batch: Batch) => void;
  readonly #free: Uint8Array<ArrayBuffer>[] = [];
  readonly #most: number;
  #bytes: Uint8Array<ArrayBuffer> | undefined;
  #view = new DataView(new ArrayBuffer(0));
  #used = 0;

  /** @param most buffers that are kept to be filled again. */
  constructor(most: number, onBatch: (batch: Batch) => void) {
    this.#most = most;
    this.#onBatch = onBatch;
  }

  readonly add = (scan: EventScan, { at, key, rank, wanted }: Told): void => {
    const length = scan.end - scan.start;
    const isAway = length > LARGE && !Number.isNaN(at);
    const room = HEAD + (isAway ? 0 : length);
    if (this.#bytes !== undefined && this.#used + room > this.#bytes.length) this.flush();
    const bytes = this.#bytes ?? this.#begin(room);
    this.#view.setFloat64(this.#used, at);
    this.#view.setFloat64(this.#used + 8, key);
    this.#view.setInt32(this.#used + 16, isAway ? -length : length);
    this.#view.setUint8(this.#used + 20, rank);
    this.#view.setUint8(this.#used + 21, wanted ? 1 : 0);
    this.#used += HEAD;
    if (isAway) return;
    bytes.set(scan.raw(), this.#used);
    onOneLine(bytes.subarray(this.#used, this.#used + length));
    this.#used += length;
  };

  flush(): void {
    const batch = this.take();
    if (batch !== undefined) this.#onBatch(batch);
  }

  /** What is in the buffer that is being filled; undefined: nothing. */
  take(): Batch | undefined {
    if (this.#bytes === undefined || this.#used === 0) return undefined;
    const batch = { bytes: this.#bytes, used: this.#used };
    this.#bytes = undefined;
    this.#used = 0;
    return batch;
  }

  /** A buffer that has been read. */
  back(bytes: Uint8Array<ArrayBuffer>): void {
    if (bytes.length === SIZE && this.#free.length < this.#most) this.#free.push(bytes);
  }

  #begin(room: number): Uint8Array<ArrayBuffer> {
    this.#bytes = room > SIZE ? new Uint8Array(room) : (this.#free.pop() ?? new Uint8Array(SIZE));
    this.#view = new DataView(this.#bytes.buffer);
    return this.#bytes;
  }
}

/** JSON may have line breaks between its parts, an event on its way has none. */
function onOneLine(event: Uint8Array): void {
  for (let at = event.indexOf(LINE_FEED); at !== -1; at = event.indexOf(LINE_FEED, at + 1)) event[at] = SPACE;
}

const LINE_FEED = 10;
const SPACE = 32;

/** The events of a batch, one after the other. Bytes are good until the batch is given back. */
export class BatchReader implements Told {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly #used: number;
  #next = 0;
  start = 0;
  end = 0;
  at = 0;
  key = 0;
  rank: Rank = 0;
  wanted = false;
  length = 0;
  /** Not in the batch: to be read from the file. */
  isAway = false;

  constructor({ bytes, used }: Batch) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, used);
    this.#used = used;
  }

  next(): boolean {
    if (this.#next >= this.#used) return false;
    this.at = this.#view.getFloat64(this.#next);
    this.key = this.#view.getFloat64(this.#next + 8);
    const length = this.#view.getInt32(this.#next + 16);
    this.rank = this.#view.getUint8(this.#next + 20) as Rank;
    this.wanted = this.#view.getUint8(this.#next + 21) === 1;
    this.isAway = length < 0;
    this.length = Math.abs(length);
    this.start = this.#next + HEAD;
    this.end = this.start + (this.isAway ? 0 : length);
    this.#next = this.end;
    return true;
  }
}
