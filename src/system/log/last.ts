/** The last events of a log. Rule: where they lie is kept, not what they say, as far as they lie somewhere. */
import { HeldEvents, PlaceReader, type Place } from './held';

/** An event as it is handed out, and where it lies. */
export interface PlacedEvent extends Place {
  /** Good until the next one is asked for. */
  raw: Uint8Array;
  open: boolean;
}

/** By how much has gone through it, the last of which is still here. */
export class LastEvents {
  readonly #most: number;
  readonly #room: number;
  readonly #held = new HeldEvents();
  readonly #open = new Set<number>();
  readonly #sizes = new Map<number, number>();
  #bytes = 0;
  #first = 0;
  found = 0;

  /** @param room bytes for events that lie nowhere else. */
  constructor(most: number, room: number) {
    this.#most = most;
    this.#room = room;
  }

  /** Otherwise events that should be here were let go for want of room. */
  get isComplete(): boolean {
    return this.found - this.#first === Math.min(this.found, this.#most);
  }

  add(event: PlacedEvent): void {
    const number = this.found++;
    if (Number.isNaN(event.at)) {
      this.#held.putBytes(number, event.raw, event.fd);
      this.#sizes.set(number, event.raw.length);
      this.#bytes += event.raw.length;
    } else this.#held.put(number, event);
    if (event.open) this.#open.add(number);
    while (this.found - this.#first > this.#most || this.#bytes > this.#room) this.#drop();
  }

  /** @param cutOff is told of a file that no longer has what was found in it. */
  *events(cutOff: (fd: number) => void): Generator<PlacedEvent> {
    const places = new PlaceReader();
    while (this.#first < this.found) {
      const held = this.#held.get(this.#first);
      const { place } = this.#held;
      const raw = held ?? places.read(place);
      if (raw === undefined) cutOff(place.fd);
      else yield { ...place, raw, open: this.#open.has(this.#first) };
      this.#drop();
    }
  }

  #drop(): void {
    const number = this.#first++;
    this.#bytes -= this.#sizes.get(number) ?? 0;
    this.#sizes.delete(number);
    this.#open.delete(number);
    this.#held.drop(this.#first);
  }
}
