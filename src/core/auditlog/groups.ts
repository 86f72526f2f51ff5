/** Counts by a key of several texts, with the first and the last time: of a bounded number of keys, the rest together. */

export interface GroupRow {
  values: string[];
  count: number;
  bytes: number;
  /** As the server wrote them; '' when no event has a time. */
  first: string;
  last: string;
}

export class GroupTable {
  readonly #rows = new Map<string, GroupRow>();
  readonly #most: number;
  /** Events of keys that came when there were too many already. */
  others = 0;

  constructor(most = 2000) {
    this.#most = most;
  }

  add(values: readonly string[], time: string, bytes: number): void {
    const known = this.#rows.get(values.length === 1 ? (values[0] ?? '') : values.join('\n'));
    if (known === undefined) {
      this.#merge({ values: [...values], count: 1, bytes, first: time, last: time });
      return;
    }
    known.count++;
    known.bytes += bytes;
    if (time !== '' && (known.first === '' || time < known.first)) known.first = time;
    if (time > known.last) known.last = time;
  }

  merge(rows: readonly GroupRow[], others: number): void {
    for (const row of rows) this.#merge(row);
    this.others += others;
  }

  /** The most frequent first. */
  rows(): GroupRow[] {
    return [...this.#rows.values()].sort(
      (a, b) => b.count - a.count || (a.values.join('\n') < b.values.join('\n') ? -1 : 1),
    );
  }

  #merge(row: GroupRow): void {
    const key = row.values.join('\n');
    const known = this.#rows.get(key);
    if (known === undefined) {
      if (this.#rows.size >= this.#most) this.others += row.count;
      else this.#rows.set(key, { ...row });
      return;
    }
    known.count += row.count;
    known.bytes += row.bytes;
    if (row.first !== '' && (known.first === '' || row.first < known.first)) known.first = row.first;
    if (row.last > known.last) known.last = row.last;
  }
}
