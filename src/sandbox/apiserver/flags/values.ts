/** Whether Go would take a text as a flag's value, and what it says when not. */
import { goQuote } from '../../../core/policy/go-text';
import type { FlagType } from './table';

/** The parser's error as it stands behind `flag: `; undefined when the value is taken. */
export function valueProblem(type: FlagType, text: string): string | undefined {
  switch (type) {
    case 'int':
      return intProblem(text, 64);
    case 'int32':
      return intProblem(text, 32);
    case 'uint':
      return uintProblem(text);
    case 'bool':
      return boolProblem(text);
    case 'version':
      return text === 'raw' ? undefined : boolProblem(text);
    case 'float32':
    case 'float64':
      return isFloat(text) ? undefined : `strconv.ParseFloat: parsing ${goQuote(text)}: invalid syntax`;
    case 'duration':
      return durationProblem(text);
    case 'ip':
      return isIp(text.trim()) ? undefined : `failed to parse IP: ${goQuote(text)}`;
    case 'cidrs':
      return splitList(text).map(cidrProblem).find(Boolean);
    case 'portRange':
      return portRangeProblem(text);
    case 'mapStringBool':
      return splitList(text).map(gateProblem).find(Boolean);
    case 'mapStringString':
      return text === '' || splitList(text).every((pair) => pair.includes('='))
        ? undefined
        : 'malformed pair, expect string=string';
    case 'namedCertKey':
      return text.split(':')[0]?.split(',').length === 2
        ? undefined
        : 'expected comma separated certificate and key file paths';
    case 'moduleSpec':
      return splitList(text).every((part) => /^[^=]+=-?\d+$/.test(part))
        ? undefined
        : 'syntax error: expect comma-separated list of filename=N';
    case 'severity':
      return /^(info|warning|error|fatal)$/i.test(text) ? undefined : intProblem(text, 32);
    case 'traceLocation':
      return text === '' || /^.+:\d+$/.test(text) || text === ':0' ? undefined : 'syntax error: expect file.go:234';
    case 'string':
    case 'strings':
    case 'stringArray':
      return undefined;
  }
}

/** Milliseconds; the text has passed {@link valueProblem}. */
export function parseDuration(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1;
  let sum = 0;
  for (const [, number = '0', unit = ''] of text.matchAll(/(\d*\.?\d*)(ns|us|µs|μs|ms|s|m|h)/g)) {
    sum += Number(number) * (UNITS[unit] ?? 0);
  }
  return sign * sum;
}

/** An integer as Go's ParseInt with base 0 reads it. */
export function parseInteger(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1;
  const digits = text.replace(/^[+-]/, '').replaceAll('_', '');
  return sign * Number(/^0\d/.test(digits) ? `0o${digits}` : digits);
}

export function parseBoolean(text: string): boolean {
  return TRUE.has(text);
}

/** A comma-separated list; `""` is an empty one. */
export function splitList(text: string): string[] {
  return text === '' ? [] : text.split(',');
}

const TRUE = new Set(['1', 't', 'T', 'TRUE', 'true', 'True']);
const FALSE = new Set(['0', 'f', 'F', 'FALSE', 'false', 'False']);
const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

function intProblem(text: string, bits: 32 | 64): string | undefined {
  const words = (why: string) => `strconv.ParseInt: parsing ${goQuote(text)}: ${why}`;
  if (!isGoInteger(text)) return words('invalid syntax');
  const limit = 2n ** BigInt(bits - 1);
  const value = BigInt(
    text
      .replace(/^[+-]/, '')
      .replaceAll('_', '')
      .replace(/^0(?=\d)/, '0o'),
  );
  const most = text.startsWith('-') ? limit : limit - 1n;
  return value > most ? words('value out of range') : undefined;
}

function isGoInteger(text: string): boolean {
  return /^[+-]?(0[xX](_?[0-9a-fA-F])+|0[bB](_?[01])+|0[oO]?(_?[0-7])+|0|[1-9](_?\d)*)$/.test(text);
}

function uintProblem(text: string): string | undefined {
  return isGoInteger(text) && !/^[+-]/.test(text) ? undefined : 'parse error';
}

function boolProblem(text: string): string | undefined {
  return TRUE.has(text) || FALSE.has(text) ? undefined : `strconv.ParseBool: parsing ${goQuote(text)}: invalid syntax`;
}

function isFloat(text: string): boolean {
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?(inf|infinity|nan)$/i.test(text);
}

function durationProblem(text: string): string | undefined {
  const quoted = goQuote(text);
  const body = text.replace(/^[+-]/, '');
  if (body === '0') return undefined;
  if (body === '') return `time: invalid duration ${quoted}`;
  let rest = body;
  while (rest !== '') {
    const number = /^(\d+\.?\d*|\.\d+)/.exec(rest)?.[0];
    if (number === undefined) return `time: invalid duration ${quoted}`;
    rest = rest.slice(number.length);
    const unit = /^[^.\d]*/.exec(rest)?.[0] ?? '';
    if (unit === '') return `time: missing unit in duration ${quoted}`;
    if (!(unit in UNITS)) return `time: unknown unit ${goQuote(unit)} in duration ${quoted}`;
    rest = rest.slice(unit.length);
  }
  return undefined;
}

/** IPv4 in four decimal parts, or anything that has the look of IPv6. */
export function isIp(text: string): boolean {
  const parts = text.split('.');
  if (parts.length === 4 && !text.includes(':'))
    return parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  return text.includes(':') && /^[0-9a-fA-F:]+(\d+\.\d+\.\d+\.\d+)?$/.test(text) && !/:::|::.*::/.test(text);
}

function cidrProblem(text: string): string | undefined {
  return isCidr(text) ? undefined : `invalid CIDR address: ${text}`;
}

export function isCidr(text: string): boolean {
  const [address = '', bits = '', more] = text.split('/');
  if (more !== undefined || !isIp(address) || !/^\d{1,3}$/.test(bits)) return false;
  return Number(bits) <= (address.includes(':') ? 128 : 32);
}

function portRangeProblem(text: string): string | undefined {
  if (text.trim() === '') return undefined;
  const parts = text.trim().split(/[-+]/);
  const bad = parts.find((part) => !/^\d+$/.test(part));
  return bad === undefined ? undefined : `strconv.Atoi: parsing ${goQuote(bad)}: invalid syntax`;
}

function gateProblem(pair: string): string | undefined {
  const equals = pair.indexOf('=');
  if (equals === -1) return `missing bool value for ${pair}`;
  const value = pair.slice(equals + 1).trim();
  const problem = boolProblem(value);
  return problem && `invalid value of ${pair.slice(0, equals)}=${value}, err: ${problem}`;
}
