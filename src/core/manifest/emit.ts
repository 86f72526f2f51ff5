/**
 * Values as YAML or JSON text, in the manner of what stands around them. A string is quoted only when a YAML 1.1 or 1.2
 * reader could take its plain form for anything else: Go's library, which the kubelet reads with, follows both.
 */
import { isMap } from './value';
import type { PlainMap, Scalar } from './value';

export type Quote = 'plain' | 'single' | 'double';

/** How block collections are laid out. */
export interface BlockStyle {
  /** White space added for each level of mappings. */
  step: string;
  /** White space between a key's column and the dashes of a list under it; often none. */
  listIndent: string;
  /** White space between a dash and its item. */
  dashGap: string;
}

/** How flow collections are laid out. */
export interface FlowStyle {
  quote: Quote;
  /** Keys and strings always in double quotes. */
  json: boolean;
  colonGap: string;
  commaGap: string;
  bracePad: string;
  /** Line break and step when entries stand on lines of their own. */
  broken: { lineBreak: string; step: string } | undefined;
}

/** A scalar, in the preferred quoting or, where that cannot carry it, in double quotes. */
export function scalarText(value: Scalar, quote: Quote, inFlow: boolean): string {
  if (typeof value !== 'string') return String(value);
  if (quote === 'plain' && isPlainSafe(value, inFlow)) return value;
  if (quote === 'single' && printable.test(value)) return `'${value.replaceAll("'", "''")}'`;
  return JSON.stringify(value);
}

/** Whether a string can stand without quotes and be read as that string by every YAML reader. */
export function isPlainSafe(text: string, inFlow: boolean): boolean {
  return (
    printable.test(text) &&
    !/^\s|\s$|: |:$| #/.test(text) &&
    !/^(?:[-?:](?:\s|$)|[,[\]{}#&*!|>'"%@`]|---|\.\.\.)/.test(text) &&
    !(inFlow && /[,[\]{}]|^[?:]/.test(text)) &&
    !words.test(text) &&
    !numbers.test(text)
  );
}

/** The lines of a collection in block layout, each with `indent` before it. */
export function blockLines(value: unknown, indent: string, style: BlockStyle): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => itemLines(item, indent, style));
  return Object.entries(value as PlainMap).flatMap(([key, item]) => pairLines(key, item, indent, style));
}

/** A value in flow layout. `indent` is that of the line it starts on. */
export function flowText(value: unknown, indent: string, style: FlowStyle): string {
  if (Array.isArray(value))
    return wrap(
      '[',
      value.map((item) => (deeper: string) => flowText(item, deeper, style)),
      ']',
      indent,
      style,
      '',
    );
  if (isMap(value)) {
    const pairs = Object.entries(value).map(
      ([key, item]) =>
        (deeper: string) =>
          flowPair(key, item, deeper, style),
    );
    return wrap('{', pairs, '}', indent, style, style.bracePad);
  }
  return scalarText(value as Scalar, style.json ? 'double' : style.quote, true);
}

export function flowPair(key: string, value: unknown, indent: string, style: FlowStyle): string {
  const name = scalarText(key, style.json ? 'double' : 'plain', true);
  return `${name}:${style.colonGap}${flowText(value, indent, style)}`;
}

function itemLines(item: unknown, indent: string, style: BlockStyle): string[] {
  if (isEmptyOrScalar(item)) return [`${indent}-${style.dashGap}${leafText(item)}`];
  const inner = `${indent} ${style.dashGap}`;
  const [first, ...rest] = blockLines(item, inner, style);
  return [`${indent}-${style.dashGap}${(first ?? '').slice(inner.length)}`, ...rest];
}

function pairLines(key: string, value: unknown, indent: string, style: BlockStyle): string[] {
  const name = scalarText(key, 'plain', false);
  if (isEmptyOrScalar(value)) return [`${indent}${name}: ${leafText(value)}`];
  return [
    `${indent}${name}:`,
    ...blockLines(value, indent + (Array.isArray(value) ? style.listIndent : style.step), style),
  ];
}

function isEmptyOrScalar(value: unknown): boolean {
  return Array.isArray(value) ? value.length === 0 : !isMap(value) || Object.keys(value).length === 0;
}

function leafText(value: unknown): string {
  return Array.isArray(value) ? '[]' : isMap(value) ? '{}' : scalarText(value as Scalar, 'plain', false);
}

function wrap(
  open: string,
  entries: readonly ((indent: string) => string)[],
  close: string,
  indent: string,
  style: FlowStyle,
  pad: string,
): string {
  if (entries.length === 0) return open + close;
  if (style.broken === undefined)
    return `${open}${pad}${entries.map((entry) => entry(indent)).join(`,${style.commaGap}`)}${pad}${close}`;
  const deeper = indent + style.broken.step;
  const lines = entries.map((entry) => deeper + entry(deeper)).join(`,${style.broken.lineBreak}`);
  return `${open}${style.broken.lineBreak}${lines}${style.broken.lineBreak}${indent}${close}`;
}

const printable = /^[\x20-\x7e\xa1-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]+$/;
const words = /^(?:~|null|true|false|y|yes|n|no|on|off|<<|=)$/i;
const numbers =
  /^(?:[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-f_]+|\.[0-9_]+(?:e[-+]?[0-9]+)?|[0-9][0-9_]*(?:\.[0-9_]*)?(?:e[-+]?[0-9]+)?|[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?|\.inf)|\.nan|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*)$/i;
