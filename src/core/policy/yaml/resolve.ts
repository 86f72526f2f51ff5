/** The type of a plain scalar under YAML 1.1 as the server's parser has it: yes and on are booleans, 010 is eight. */
import type { YamlNode } from './parser';
import { YamlProblem } from './cursor';

export type Scalar =
  | { type: 'null' }
  | { type: 'bool'; value: boolean }
  | { type: 'int'; value: bigint }
  | { type: 'float'; value: number }
  | { type: 'string'; value: string };

const PREFIX = 'tag:yaml.org,2002:';

/** @throws {YamlProblem} when an explicit tag does not fit the text. */
export function resolveScalar(node: YamlNode & { kind: 'scalar' }): Scalar {
  const { value, tag } = node;
  if (tag === '' && !node.implicit) return { type: 'string', value };
  if (tag === `${PREFIX}binary`) return { type: 'string', value: decodeBase64(value, node.start.offset) };
  if (tag === '' || tag === `${PREFIX}timestamp`) {
    const scalar = byText(value, true);
    return tag === '' ? scalar : checked(scalar, 'timestamp', node);
  }
  const wanted = WANTED.get(tag.startsWith(PREFIX) ? tag.slice(PREFIX.length) : '');
  if (wanted === undefined) return { type: 'string', value };
  return wanted === 'str' ? { type: 'string', value } : checked(byText(value, false), wanted, node);
}

const WANTED: ReadonlyMap<string, string> = new Map(
  Object.entries({ str: 'str', bool: 'bool', int: 'int', float: 'float', null: 'null' }),
);
const NAMES = { null: 'null', bool: 'bool', int: 'int', float: 'float', string: 'str' } as const;

function checked(scalar: Scalar, wanted: string, node: YamlNode & { kind: 'scalar' }): Scalar {
  const name = isTimestamp(node.value) && wanted === 'timestamp' ? 'timestamp' : NAMES[scalar.type];
  if (name === wanted) return scalar;
  if (wanted === 'float' && scalar.type === 'int') return { type: 'float', value: Number(scalar.value) };
  throw new YamlProblem(`cannot decode !!${name} \`${node.value}\` as a !!${wanted}`, node.start.offset);
}

const WORDS = new Map<string, Scalar>([
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map(
    (word) => [word, { type: 'bool', value: true }] as const,
  ),
  ...['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map(
    (word) => [word, { type: 'bool', value: false }] as const,
  ),
  ...['', '~', 'null', 'Null', 'NULL'].map((word) => [word, { type: 'null' }] as const),
  ...['.nan', '.NaN', '.NAN'].map((word) => [word, { type: 'float', value: NaN }] as const),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map(
    (word) => [word, { type: 'float', value: Infinity }] as const,
  ),
  ...['-.inf', '-.Inf', '-.INF'].map((word) => [word, { type: 'float', value: -Infinity }] as const),
]);

function byText(text: string, timestamps: boolean): Scalar {
  const word = WORDS.get(text);
  if (word !== undefined) return word;
  if (text.startsWith('.')) return parseFloat64(text) ?? { type: 'string', value: text };
  if (!/^[-+0-9]/.test(text) || (timestamps && isTimestamp(text))) return { type: 'string', value: text };
  return number(text) ?? { type: 'string', value: text };
}

function number(text: string): Scalar | undefined {
  const value = goInteger(text) ?? goInteger(text.replaceAll('_', ''));
  if (value !== undefined) return { type: 'int', value };
  const plain = text.replaceAll('_', '');
  if (/^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$/.test(plain)) {
    const float = Number(plain);
    return Number.isFinite(float) ? { type: 'float', value: float } : undefined;
  }
  return undefined;
}

/** As Go's ParseInt with base 0: 0x, 0b, 0o, and a leading 0 for octal; within 64 bits. */
function goInteger(text: string): bigint | undefined {
  const match = /^([-+]?)(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO][0-7]+|0[0-7]+|0|[1-9][0-9]*)$/.exec(text);
  if (match === null) return undefined;
  const digits = match[2] ?? '';
  const magnitude = BigInt(/^0[0-7]/.test(digits) ? `0o${digits.slice(1)}` : digits);
  const negative = match[1] === '-';
  // Unsigned numbers may not have a sign of either kind.
  const limit = negative ? 2n ** 63n : match[1] === '+' ? 2n ** 63n - 1n : 2n ** 64n - 1n;
  if (magnitude > limit) return undefined;
  return negative ? -magnitude : magnitude;
}

function parseFloat64(text: string): Scalar | undefined {
  const decimal = /^\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+)?$/.test(text) && !text.includes('_');
  if (!decimal) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? { type: 'float', value } : undefined;
}

/** Dates and times are kept as text. */
function isTimestamp(text: string): boolean {
  const match =
    /^(\d{4})-(\d\d?)-(\d\d?)(?:[Tt](\d\d?):(\d\d?):(\d\d?)(?:[.,]\d+)?(?:Z|[-+]\d\d:\d\d)| (\d\d?):(\d\d?):(\d\d?)(?:[.,]\d+)?)?$/.exec(
      text,
    );
  if (match === null) return false;
  const [year = 0, month = 0, day = 0] = match.slice(1, 4).map(Number);
  const time = match.slice(4).filter((part): part is string => part !== undefined);
  const [hour = 0, minute = 0, second = 0] = time.map(Number);
  const days = new Date(Date.UTC(2000, month, 0)).getUTCDate();
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const longest = month === 2 && !leap ? 28 : days;
  return month >= 1 && month <= 12 && day >= 1 && day <= longest && hour < 24 && minute < 60 && second < 60;
}

function decodeBase64(text: string, offset: number): string {
  const clean = text.replace(/[\r\n]/g, '');
  if (clean.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(clean)) {
    throw new YamlProblem('!!binary value contains invalid base64 data', offset);
  }
  const bytes = Uint8Array.from(atob(clean), (character) => character.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}
