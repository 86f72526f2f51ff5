/** The members of an audit event that anybody asks for, in the order in which the API server writes them. */

/** What a scan finds. Texts are spans without their quotes, all else is the value as written. */
export const FIELDS = [
  'kind',
  'level',
  'auditID',
  'stage',
  'requestURI',
  'verb',
  'user',
  'user.username',
  'user.groups',
  'impersonatedUser',
  'impersonatedUser.username',
  'impersonatedUser.groups',
  'sourceIPs',
  'userAgent',
  'objectRef',
  'objectRef.resource',
  'objectRef.namespace',
  'objectRef.name',
  'objectRef.apiGroup',
  'objectRef.apiVersion',
  'objectRef.subresource',
  'responseStatus',
  'responseStatus.code',
  'responseStatus.reason',
  'responseStatus.message',
  'requestObject',
  'responseObject',
  'requestReceivedTimestamp',
  'stageTimestamp',
  'annotations',
  'items',
] as const;

export type Field = (typeof FIELDS)[number];

/** A field's place in the arrays of a scan. */
export const SLOT = Object.fromEntries(FIELDS.map((name, at) => [name, at])) as Readonly<Record<Field, number>>;
export const SLOTS = FIELDS.length;

export const ABSENT = 0;
/** A text without escapes: its bytes are its characters in UTF-8. */
export const PLAIN = 1;
/** A text with escapes. */
export const ESCAPED = 2;
/** A number, list, object, true, false or null. */
export const OTHER = 3;

/**
 * Bytes to compare with, four at a time (little-endian), and eight at a time where there are as many; the last one overlaps the
 * one before. Eight bytes are compared as a number: of ASCII none is NaN or zero, so only the same bytes are equal.
 */
export interface Key {
  length: number;
  words: Int32Array;
  doubles: Float64Array;
}

export interface Member {
  name: string;
  /** `"name":`, as the server writes it. */
  key: Key;
  /** -1: of no interest. */
  slot: number;
  inner?: readonly Member[];
  /** Slots of the members within: a repeated object takes the place of the first one as a whole. */
  within: readonly number[];
  /** Response status, bodies and annotations: nothing but the times comes after. */
  late: boolean;
  /** The key's first four bytes. */
  first: number;
}

/** In the order of the Go types (apiserver/pkg/apis/audit/v1/types.go). */
export const EVENT = members(
  '',
  'kind apiVersion level auditID stage requestURI verb user impersonatedUser authenticationMetadata sourceIPs userAgent ' +
    'objectRef responseStatus requestObject responseObject requestReceivedTimestamp stageTimestamp annotations items',
  {
    user: 'username uid groups extra',
    impersonatedUser: 'username uid groups extra',
    objectRef: 'resource namespace name uid apiGroup apiVersion resourceVersion subresource',
    responseStatus: 'metadata status message reason details code',
  },
);

/** How every event begins, up to the text of its level; then the texts that follow, each with what leads to it. */
export const HEAD_TEXT = keyOf('{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"');
export const HEAD_KEYS: readonly { key: Key; slot: number }[] = [
  { key: keyOf('"level":"'), slot: SLOT.level },
  { key: keyOf('","auditID":"'), slot: SLOT.auditID },
  { key: keyOf('","stage":"'), slot: SLOT.stage },
  { key: keyOf('","requestURI":"'), slot: SLOT.requestURI },
  { key: keyOf('","verb":"'), slot: SLOT.verb },
  { key: keyOf('","user":{"username":"'), slot: SLOT['user.username'] },
];

/** What follows the bodies. */
const TAIL_TEXT = ',"requestReceivedTimestamp":"';
export const TAIL = keyOf(TAIL_TEXT);
/** Looking for it backwards: how far to go when this byte stands under its beginning; 0: it may begin here. */
export const TAIL_STEPS = new Uint8Array(256).fill(TAIL_TEXT.length);
for (let at = TAIL_TEXT.length - 1; at > 0; at--) TAIL_STEPS[TAIL_TEXT.charCodeAt(at)] = at;
TAIL_STEPS[TAIL_TEXT.charCodeAt(0)] = 0;

function members(prefix: string, names: string, inner: Readonly<Record<string, string>> = {}): Member[] {
  return names.split(' ').map((name) => {
    const path = prefix + name;
    const within = inner[name] === undefined ? undefined : members(`${path}.`, inner[name]);
    const key = keyOf(`"${name}":`);
    return {
      name,
      key,
      first: key.words[0] ?? 0,
      slot: (SLOT as Readonly<Record<string, number>>)[path] ?? -1,
      ...(within ? { inner: within } : {}),
      within: (within ?? []).map(({ slot }) => slot).filter((slot) => slot >= 0),
      late: ['responseStatus', 'requestObject', 'responseObject', 'annotations'].includes(path),
    };
  });
}

/** @param text of at least four bytes. */
function keyOf(text: string): Key {
  const bytes = new TextEncoder().encode(text);
  const { length } = bytes;
  const view = new DataView(bytes.buffer);
  const words: number[] = [];
  for (let at = 0; at < length - 4; at += 4) words.push(view.getInt32(at, true));
  words.push(view.getInt32(length - 4, true));
  const doubles: number[] = [];
  for (let at = 0; at < length - 8; at += 8) doubles.push(view.getFloat64(at, true));
  if (length >= 8) doubles.push(view.getFloat64(length - 8, true));
  return { length, words: Int32Array.from(words), doubles: Float64Array.from(doubles) };
}
