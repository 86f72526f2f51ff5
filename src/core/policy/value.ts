/**
 * A policy file as JSON values, each with the stretch of text it came from. Mappings of YAML have their keys sorted and
 * once only, as the server has them after turning YAML into JSON; objects of JSON keep their order and repetitions.
 */

/** Offsets in UTF-16 units; `end` is exclusive. */
export interface Span {
  start: number;
  end: number;
}

export interface Member {
  key: string;
  keySpan: Span;
  value: Value;
}

export type Value = Span &
  (
    | { kind: 'null' }
    | { kind: 'bool'; value: boolean }
    | { kind: 'number'; text: string }
    | { kind: 'string'; value: string }
    | { kind: 'array'; items: readonly Value[] }
    | { kind: 'object'; members: readonly Member[] }
  );

/** A key that stands twice in one mapping. */
export interface DuplicateKey {
  key: string;
  span: Span;
  /** The server's words for it. */
  text: string;
}

export interface ParsedText {
  root: Value;
  /** Of YAML only: JSON objects show their repetitions themselves. */
  duplicates: readonly DuplicateKey[];
  /** Where text follows that the server never reads. */
  rest: number | undefined;
}

/** The text is not what it should be; the message is the server's, as it follows "failed decoding: ". */
export class TextProblem extends Error {
  readonly offset: number;

  constructor(text: string, offset: number) {
    super(text);
    this.name = 'TextProblem';
    this.offset = offset;
  }
}

/** The value at a path of keys and indexes; where a key is repeated, the last one, as that is what counts. */
export function valueAt(root: Value, path: readonly (string | number)[]): Value | undefined {
  let value: Value | undefined = root;
  for (const step of path) {
    if (typeof step === 'number') value = value?.kind === 'array' ? value.items[step] : undefined;
    else value = memberOf(value, step)?.value;
    if (value === undefined) return undefined;
  }
  return value;
}

export function memberOf(value: Value | undefined, key: string): Member | undefined {
  return value?.kind === 'object' ? value.members.findLast((member) => member.key === key) : undefined;
}
