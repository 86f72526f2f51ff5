/** Gathers events into batches of lines. JSON may have line breaks between its parts, an event in a batch has none. */
import type { EventScan } from '../../core/auditlog/scan';

const BATCH = 128 << 10;

export class EventLines {
  readonly #onBatch: (bytes: Uint8Array<ArrayBuffer>) => void;
  #bytes = new Uint8Array(BATCH);
  #used = 0;

  constructor(onBatch: (bytes: Uint8Array<ArrayBuffer>) => void) {
    this.#onBatch = onBatch;
  }

  readonly add = (scan: EventScan): void => {
    const raw = scan.raw();
    if (this.#used + raw.length + 1 > this.#bytes.length) {
      this.flush();
      if (raw.length + 1 > this.#bytes.length) this.#bytes = new Uint8Array(raw.length + 1);
    }
    this.#bytes.set(raw, this.#used);
    for (let at = raw.indexOf(10); at !== -1; at = raw.indexOf(10, at + 1)) this.#bytes[this.#used + at] = 0x20;
    this.#used += raw.length;
    this.#bytes[this.#used++] = 10;
  };

  flush(): void {
    if (this.#used === 0) return;
    this.#onBatch(this.#bytes.slice(0, this.#used));
    this.#used = 0;
    if (this.#bytes.length > BATCH) this.#bytes = new Uint8Array(BATCH);
  }
}
