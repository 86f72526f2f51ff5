/** How often each combination of values comes: `top --by user,verb,resource`. */
import { UserError } from '../errors';
import { annotationsOf } from './filter';
import { Interner, NOTHING, powerOfTwo, type Texts } from './interner';
import { maskUri } from './mask';
import { ABSENT, ESCAPED, SLOT, type Field } from './members';
import type { EventScan } from './scan';
import { utf8 } from './strings';
import { localMinute } from './time';

export interface TopRow {
  /** null: the event has no such field. */
  values: (string | null)[];
  count: number;
}

/** What is counted, as columns: there may be as many groups as events (`--by uri`), and so none of them is an object. */
export interface TopCounts {
  /** Of each dimension. */
  texts: Texts[];
  /** Of each group, one after the other: the numbers of its texts. */
  groups: Int32Array;
  /** Of each group. */
  counts: Float64Array;
  total: number;
}

type Read = (scan: EventScan, interner: Interner) => number;

/** So many characters of a time. */
const MINUTE = 16;
const HOUR = 13;
const DAY = 10;

/** Names of what can be counted by, and the fields they are. */
export const DIMENSIONS: Readonly<Record<string, Read>> = {
  user: field('user.username'),
  as: field('impersonatedUser.username'),
  verb: field('verb'),
  resource: field('objectRef.resource'),
  subresource: field('objectRef.subresource'),
  apigroup: field('objectRef.apiGroup'),
  namespace: field('objectRef.namespace'),
  name: field('objectRef.name'),
  agent: field('userAgent'),
  level: field('level'),
  stage: field('stage'),
  uri,
  reason: field('responseStatus.reason'),
  code: field('responseStatus.code'),
  decision: (scan, interner) => text(interner, annotationsOf(scan)['authorization.k8s.io/decision']),
  ip: (scan, interner) => {
    const value = scan.value(SLOT.sourceIPs);
    return text(interner, Array.isArray(value) ? (value as unknown[])[0] : undefined);
  },
  minute: time(MINUTE),
  hour: time(HOUR),
  day: time(DAY),
};
/** The same on the local clock; each counter has its own, for what it remembers. */
const LOCAL: Readonly<Record<string, () => Read>> = {
  minute: () => localTime(MINUTE),
  hour: () => localTime(HOUR),
  day: () => localTime(DAY),
};

export class TopCounter {
  readonly #reads: readonly Read[];
  readonly #groups: Groups;

  /** @param local times are those of the local clock. @throws {UserError} `unknown-dimension`. */
  constructor(by: readonly string[], local = false) {
    this.#reads = by.map(
      (name) => (local && Object.hasOwn(LOCAL, name) ? LOCAL[name]?.() : undefined) ?? dimension(name),
    );
    this.#groups = new Groups(by.map(() => new Interner()));
  }

  add(scan: EventScan): void {
    const { interners } = this.#groups;
    let number = NOTHING;
    for (let at = 0; at < this.#reads.length; at++) {
      const value = (this.#reads[at] as Read)(scan, interners[at] as Interner);
      number = this.#groups.step(at, number, value);
    }
    this.#groups.count(number, 1);
  }

  result(): TopCounts {
    return this.#groups.result();
  }
}

/** Combinations of numbers, and how often they came. */
class Groups {
  readonly interners: readonly Interner[];
  /** Of each dimension but the first: what came before and the value. */
  readonly #pairs: readonly Pairs[];
  #counts: Float64Array;
  #total = 0;

  constructor(interners: readonly Interner[], expected = 512) {
    this.interners = interners;
    this.#pairs = interners.map(() => new Pairs(expected));
    this.#counts = new Float64Array(expected);
  }

  /** One dimension further. @param before what this gave for the dimension before. */
  step(dimension: number, before: number, value: number): number {
    return dimension === 0 ? value : (this.#pairs[dimension] as Pairs).number(before, value);
  }

  /** @param number what step() gave for the last dimension. */
  count(number: number, by: number): void {
    if (number >= this.#counts.length) {
      const counts = new Float64Array(Math.max(number + 1, this.#counts.length * 2));
      counts.set(this.#counts);
      this.#counts = counts;
    }
    this.#counts[number] = (this.#counts[number] ?? 0) + by;
    this.#total += by;
  }

  add({ texts, groups, counts }: TopCounts): void {
    const numbers = texts.map(({ bytes, starts }, dimension) => {
      const interner = this.interners[dimension] as Interner;
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      return starts
        .subarray(1)
        .map((end, number) =>
          number === NOTHING ? NOTHING : interner.number(bytes, view, starts[number] ?? 0, end, false),
        );
    });
    counts.forEach((count, group) => {
      let number = NOTHING;
      for (let at = 0; at < numbers.length; at++)
        number = this.step(at, number, numbers[at]?.[groups[group * numbers.length + at] ?? 0] ?? 0);
      this.count(number, count);
    });
  }

  result(): TopCounts {
    const dimensions = this.interners.length;
    const size = this.#counts.reduce((sum, count) => sum + (count > 0 ? 1 : 0), 0);
    const groups = new Int32Array(size * dimensions);
    const counts = new Float64Array(size);
    let next = 0;
    this.#counts.forEach((count, last) => {
      if (count === 0) return;
      let number = last;
      for (let at = dimensions - 1; at > 0; at--) {
        const pairs = this.#pairs[at] as Pairs;
        groups[next * dimensions + at] = pairs.value(number);
        number = pairs.before(number);
      }
      groups[next * dimensions] = number;
      counts[next++] = count;
    });
    return { texts: this.interners.map((interner) => interner.result()), groups, counts, total: this.#total };
  }
}

/** Numbers for pairs of numbers. */
class Pairs {
  #size = 0;
  /** Number of a pair and one; 0: none. */
  #table: Int32Array;
  #members: Int32Array;

  constructor(expected: number) {
    this.#table = new Int32Array(powerOfTwo(expected * 2 + 2));
    this.#members = new Int32Array(expected * 2 + 2);
  }

  number(before: number, value: number): number {
    const mask = this.#table.length - 1;
    let place = hash(before, value) & mask;
    for (let known = this.#table[place] ?? 0; known !== 0; known = this.#table[place] ?? 0) {
      if (this.#members[known * 2 - 2] === before && this.#members[known * 2 - 1] === value) return known - 1;
      place = (place + 1) & mask;
    }
    const number = this.#size++;
    if (this.#size * 2 > this.#members.length) {
      const members = new Int32Array(this.#members.length * 2);
      members.set(this.#members);
      this.#members = members;
    }
    this.#members[number * 2] = before;
    this.#members[number * 2 + 1] = value;
    this.#table[place] = this.#size;
    if (this.#size * 2 > this.#table.length) this.#rehash();
    return number;
  }

  before(number: number): number {
    return this.#members[number * 2] ?? 0;
  }

  value(number: number): number {
    return this.#members[number * 2 + 1] ?? 0;
  }

  #rehash(): void {
    const table = new Int32Array(this.#table.length * 4);
    const mask = table.length - 1;
    for (let number = 0; number < this.#size; number++) {
      let place = hash(this.before(number), this.value(number)) & mask;
      while (table[place] !== 0) place = (place + 1) & mask;
      table[place] = number + 1;
    }
    this.#table = table;
  }
}

function hash(before: number, value: number): number {
  const mixed = Math.imul(before ^ Math.imul(value, 0x85ebca6b), 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

/** The counts of several threads together. */
export function mergeTop(parts: readonly TopCounts[]): TopCounts {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const interners = (first?.texts ?? []).map((_, at) => {
    const texts = parts.map((part) => part.texts[at] as Texts);
    return new Interner(sum(texts.map(({ starts }) => starts.length)), sum(texts.map(({ bytes }) => bytes.length)));
  });
  const groups = new Groups(interners, sum(parts.map(({ counts }) => counts.length)));
  for (const part of parts) groups.add(part);
  return groups.result();
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** The most frequent first, then by their values. @param limit so many; 0: all of them. */
export function topRows({ texts, groups, counts }: TopCounts, limit: number): TopRow[] {
  const dimensions = texts.length;
  const bytesOf = (dimension: number, number: number): Uint8Array => {
    const { bytes, starts } = texts[dimension] as Texts;
    return bytes.subarray(starts[number], starts[number + 1]);
  };
  const compare = (a: number, b: number): number => {
    const more = (counts[b] ?? 0) - (counts[a] ?? 0);
    if (more !== 0) return more;
    for (let at = 0; at < dimensions; at++) {
      const [x, y] = [groups[a * dimensions + at] ?? 0, groups[b * dimensions + at] ?? 0];
      if (x === y) continue;
      // What is absent comes last.
      if (x === NOTHING || y === NOTHING) return x === NOTHING ? 1 : -1;
      return Buffer.compare(bytesOf(at, x), bytesOf(at, y));
    }
    return 0;
  };
  return best(counts.length, limit, compare).map((group) => ({
    values: texts.map((_, at) => {
      const number = groups[group * dimensions + at] ?? 0;
      return number === NOTHING ? null : utf8.decode(bytesOf(at, number));
    }),
    count: counts[group] ?? 0,
  }));
}

/** Of the numbers below `size` those that come first, in order. */
function best(size: number, limit: number, compare: (a: number, b: number) => number): number[] {
  const all = Array.from({ length: size }, (_, number) => number);
  if (limit === 0 || size <= limit * 2) return all.sort(compare).slice(0, limit === 0 ? undefined : limit);
  let found: number[] = [];
  let worst: number | undefined;
  for (const number of all) {
    if (worst !== undefined && compare(number, worst) >= 0) continue;
    found.push(number);
    if (found.length < limit * 2) continue;
    found = found.sort(compare).slice(0, limit);
    worst = found.at(-1);
  }
  return found.sort(compare).slice(0, limit);
}

function dimension(name: string): Read {
  if (Object.hasOwn(DIMENSIONS, name)) return DIMENSIONS[name] as Read;
  // Bodies and annotations have the values of Secrets in them, and no two are alike.
  if (Object.hasOwn(SLOT, name) && !/^(?:requestObject|responseObject|annotations|items)$/.test(name))
    return name === 'requestURI' ? uri : field(name as Field);
  throw new UserError('unknown-dimension', `nothing can be counted by ${name}`, {
    hints: [`one of: ${Object.keys(DIMENSIONS).join(', ')}`],
  });
}

function field(name: Field): Read {
  const slot = SLOT[name];
  return (scan, interner) => {
    scan.settle(slot);
    const kind = scan.kinds[slot];
    if (kind === ABSENT) return NOTHING;
    return interner.number(scan.bytes, scan.view, scan.from[slot] ?? 0, scan.to[slot] ?? 0, kind === ESCAPED);
  };
}

/** Without tokens: URLs that differ in nothing else are one. */
function uri(scan: EventScan, interner: Interner): number {
  const slot = SLOT.requestURI;
  const from = scan.from[slot] ?? 0;
  const to = scan.to[slot] ?? 0;
  const kind = scan.kinds[slot];
  if (kind === ABSENT) return NOTHING;
  if (kind !== ESCAPED && !mayHaveToken(scan.bytes, from, to))
    return interner.number(scan.bytes, scan.view, from, to, false);
  return interner.numberOf(maskUri(scan.text(slot)));
}

function mayHaveToken(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    // `n=`, in capitals or not: what comes before it is looked at by maskUri().
    if (bytes[at] === 0x3d && ((bytes[at - 1] ?? 0) | 0x20) === 0x6e && ((bytes[at - 2] ?? 0) | 0x20) === 0x65)
      return true;
  }
  return false;
}

/** The first so many characters of the time, which are minute, hour or day in UTC. */
function time(length: number): Read {
  const slot = SLOT.stageTimestamp;
  return (scan, interner) => {
    const from = scan.from[slot] ?? 0;
    if (scan.kinds[slot] === ABSENT || (scan.to[slot] ?? 0) - from < length) return NOTHING;
    return interner.number(scan.bytes, scan.view, from, from + length, false);
  };
}

/** Times come in order: the zone is asked once a minute, not once an event. */
function localTime(length: number): Read {
  const minute = time(MINUTE);
  const minutes = new Interner();
  const labels: number[] = [];
  return (scan, interner) => {
    const number = minute(scan, minutes);
    if (number === NOTHING) return NOTHING;
    return (labels[number] ??= interner.numberOf(localMinute(minutes.text(number)).slice(0, length)));
  };
}

function text(interner: Interner, value: unknown): number {
  return typeof value === 'string' ? interner.numberOf(value) : NOTHING;
}
