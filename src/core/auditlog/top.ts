/** How often each combination of values comes: `top --by user,verb,resource`. */
import { UserError } from '../errors';
import { annotationsOf } from './filter';
import { Interner, NOTHING } from './interner';
import { ABSENT, ESCAPED, SLOT, type Field } from './members';
import type { EventScan } from './scan';
import { localMinute } from './time';

export interface TopRow {
  /** null: the event has no such field. */
  values: (string | null)[];
  count: number;
}

/** What the counts of one thread are sent as. */
export interface TopCounts {
  rows: TopRow[];
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
  uri: field('requestURI'),
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
  readonly #interners: readonly Interner[];
  /** Of each dimension but the first: number of what came before and number of the value -> number of both. */
  readonly #pairs: readonly Map<number, number>[];
  /** By number of a pair: what it is made of. */
  readonly #parents: number[][];
  #counts = new Float64Array(256);
  #total = 0;

  /** @param local times are those of the local clock. @throws {UserError} `unknown-dimension`. */
  constructor(by: readonly string[], local = false) {
    this.#reads = by.map(
      (name) => (local && Object.hasOwn(LOCAL, name) ? LOCAL[name]?.() : undefined) ?? dimension(name),
    );
    this.#interners = by.map(() => new Interner());
    this.#pairs = by.map(() => new Map<number, number>());
    this.#parents = by.map(() => []);
  }

  add(scan: EventScan): void {
    let number = NOTHING;
    for (let at = 0; at < this.#reads.length; at++) {
      const value = (this.#reads[at] as Read)(scan, this.#interners[at] as Interner);
      number = at === 0 ? value : this.#pair(at, number, value);
    }
    if (number >= this.#counts.length) {
      const counts = new Float64Array(Math.max(number + 1, this.#counts.length * 2));
      counts.set(this.#counts);
      this.#counts = counts;
    }
    this.#counts[number] = (this.#counts[number] ?? 0) + 1;
    this.#total++;
  }

  result(): TopCounts {
    const rows: TopRow[] = [];
    this.#counts.forEach((count, number) => {
      if (count > 0) rows.push({ values: this.#values(number), count });
    });
    return { rows, total: this.#total };
  }

  #pair(at: number, before: number, value: number): number {
    const pairs = this.#pairs[at] as Map<number, number>;
    const key = before * 0x4000000 + value;
    let number = pairs.get(key);
    if (number === undefined) {
      number = pairs.size;
      pairs.set(key, number);
      (this.#parents[at] as number[]).push(before, value);
    }
    return number;
  }

  #values(last: number): (string | null)[] {
    const values: (string | null)[] = [];
    let number = last;
    for (let at = this.#reads.length - 1; at >= 0; at--) {
      const parents = this.#parents[at] as number[];
      const value = at === 0 ? number : (parents[number * 2 + 1] ?? 0);
      values.unshift(value === NOTHING ? null : ((this.#interners[at] as Interner).texts[value] ?? ''));
      number = parents[number * 2] ?? 0;
    }
    return values;
  }
}

/** The rows of several counts together, the most frequent first, then by their values. */
export function mergeTop(parts: readonly TopCounts[]): TopCounts {
  const merged = new Map<string, TopRow>();
  for (const { rows } of parts) {
    for (const row of rows) {
      const key = JSON.stringify(row.values);
      const known = merged.get(key);
      if (known) known.count += row.count;
      else merged.set(key, { ...row });
    }
  }
  const keyed = [...merged].sort(([a, x], [b, y]) => y.count - x.count || (a < b ? -1 : a > b ? 1 : 0));
  return { rows: keyed.map(([, row]) => row), total: parts.reduce((sum, part) => sum + part.total, 0) };
}

function dimension(name: string): Read {
  if (Object.hasOwn(DIMENSIONS, name)) return DIMENSIONS[name] as Read;
  // Bodies and annotations have the values of Secrets in them, and no two are alike.
  if (Object.hasOwn(SLOT, name) && !/^(?:requestObject|responseObject|annotations|items)$/.test(name))
    return field(name as Field);
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
    return (labels[number] ??= interner.numberOf(localMinute(minutes.texts[number] ?? '').slice(0, length)));
  };
}

function text(interner: Interner, value: unknown): number {
  return typeof value === 'string' ? interner.numberOf(value) : NOTHING;
}
