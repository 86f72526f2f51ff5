/** Label and field selectors (apimachinery/pkg/labels/selector.go, pkg/fields/selector.go), and how labels are printed. */
import { unreachable } from '../../../core/errors';
import { badRequest } from './status';
import { arr, isObj, obj, objs, str } from './value';

type Operator = '=' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';

interface Requirement {
  key: string;
  operator: Operator;
  values: readonly string[];
}

export type Matcher<T> = (value: T) => boolean;

/** @throws {StatusError} 400 when it is malformed. @returns undefined when it selects everything. */
export function labelSelector(text: string): Matcher<Readonly<Record<string, string>>> | undefined {
  if (text.trim() === '') return undefined;
  const requirements = parseRequirements(text);
  return (labels) => requirements.every((requirement) => holds(requirement, labels));
}

function holds({ key, operator, values }: Requirement, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case '=':
    case 'in':
      return value !== undefined && values.includes(value);
    case '!=':
    case 'notin':
      return value === undefined || !values.includes(value);
    case 'exists':
      return value !== undefined;
    case '!':
      return value === undefined;
    case 'gt':
      return value !== undefined && /^-?\d+$/.test(value) && BigInt(value) > BigInt(values[0] ?? '0');
    case 'lt':
      return value !== undefined && /^-?\d+$/.test(value) && BigInt(value) < BigInt(values[0] ?? '0');
    default:
      return unreachable(operator);
  }
}

function parseRequirements(text: string): Requirement[] {
  const tokens = text.match(/\(|\)|,|!=|==|=|!|<|>|[^\s(),!=<>]+/g) ?? [];
  const requirements: Requirement[] = [];
  let at = 0;
  const fail = (found: string | undefined, expected: string): never => {
    throw badRequest(`unable to parse requirement: found '${found ?? ''}', expected: ${expected}`);
  };
  const key = (): string => {
    const token = tokens[at++];
    if (token === undefined || /^[(),!=<>]+$/.test(token)) return fail(token, 'identifier');
    if (!QUALIFIED.test(token)) {
      throw badRequest(
        `unable to parse requirement: <nil>: Invalid value: "${token}": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
      );
    }
    return token;
  };
  const value = (): string => {
    const token = tokens[at];
    if (token === undefined || token === ',') return '';
    if (/^[()!=<>]+$/.test(token)) return fail(token, 'identifier');
    at++;
    return token;
  };
  const list = (): string[] => {
    if (tokens[at] !== '(') return fail(tokens[at], "'('");
    at++;
    const values: string[] = [];
    for (;;) {
      const token = tokens[at++];
      if (token === undefined) return fail(token, "',' or ')'");
      if (token === ')') return values;
      if (token !== ',') values.push(token);
      else if (tokens[at] === ',' || tokens[at] === ')') values.push('');
    }
  };
  const number = (): string => {
    const text = value();
    if (!/^-?\d+$/.test(text)) {
      throw badRequest(
        `unable to parse requirement: values[0][]: Invalid value: "${text}": for 'Gt', 'Lt' operators, the value must be an integer`,
      );
    }
    return text;
  };
  const requirement = (): Requirement => {
    if (tokens[at] === '!') {
      at++;
      return { key: key(), operator: '!', values: [] };
    }
    const name = key();
    const operator = tokens[at];
    if (operator === undefined || operator === ',') return { key: name, operator: 'exists', values: [] };
    at++;
    switch (operator) {
      case '=':
      case '==':
        return { key: name, operator: '=', values: [value()] };
      case '!=':
        return { key: name, operator: '!=', values: [value()] };
      case 'in':
      case 'notin':
        return { key: name, operator, values: list() };
      case '<':
      case '>':
        return { key: name, operator: operator === '<' ? 'lt' : 'gt', values: [number()] };
      default:
        return fail(operator, 'in, notin, =, ==, !=, gt, lt');
    }
  };
  for (;;) {
    requirements.push(requirement());
    const token = tokens[at++];
    if (token === undefined) return requirements;
    if (token !== ',') fail(token, "',' or 'end of string'");
  }
}

const QUALIFIED =
  /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

/**
 * @param fieldsOf what can be selected by, for an object of the kind.
 * @param known the fields that can be selected by.
 * @throws {StatusError} 400 when it is malformed or names another field.
 */
export function fieldSelector<T>(
  text: string,
  known: readonly string[],
  fieldsOf: (value: T) => Readonly<Record<string, string>>,
): Matcher<T> | undefined {
  const terms = fieldTerms(text);
  if (terms.length === 0) return undefined;
  for (const { field } of terms) {
    if (!known.includes(field)) throw badRequest(`field label not supported: ${field}`);
  }
  return (value) => {
    const fields = fieldsOf(value);
    return terms.every((term) => ((fields[term.field] ?? '') === term.value) === term.equal);
  };
}

export interface FieldTerm {
  field: string;
  equal: boolean;
  value: string;
}

export function fieldTerms(text: string): FieldTerm[] {
  const parts = text.match(/(?:[^\\,]|\\.)+/gs) ?? [];
  return parts.map((part) => {
    const match = /^((?:[^\\=!]|\\.)*?)(!=|==|=)(.*)$/s.exec(part);
    if (match === null) throw badRequest(`invalid selector: '${text}'; can't understand '${part}'`);
    const value = (match[3] ?? '').replace(/\\(.)/gs, '$1');
    return { field: match[1] ?? '', equal: match[2] !== '!=', value };
  });
}

/** A LabelSelector object against labels. */
export function matchesSelector(selector: unknown, labels: unknown): boolean {
  const own = obj(labels);
  const { matchLabels, matchExpressions } = obj(selector);
  const equal = Object.entries(obj(matchLabels)).every(([key, value]) => own[key] === value);
  const strings = Object.fromEntries(Object.entries(own).map(([key, value]) => [key, str(value)]));
  return (
    equal &&
    objs(matchExpressions).every(({ key, operator, values }) =>
      holds(
        { key: str(key), operator: EXPRESSIONS.get(str(operator)) ?? 'exists', values: arr(values).map(str) },
        strings,
      ),
    )
  );
}

const EXPRESSIONS: ReadonlyMap<string, Operator> = new Map([
  ['In', 'in'],
  ['NotIn', 'notin'],
  ['Exists', 'exists'],
  ['DoesNotExist', '!'],
]);

/** As `kubectl get -o wide` shows a map of labels. */
export function formatLabels(labels: unknown): string {
  const pairs = Object.entries(obj(labels)).map(([key, value]) => `${key}=${str(value)}`);
  return pairs.length === 0 ? '<none>' : pairs.sort().join(',');
}

/** As `kubectl get -o wide` shows a LabelSelector object. */
export function formatSelector(selector: unknown): string {
  if (!isObj(selector)) return '<none>';
  const parts = Object.entries(obj(selector.matchLabels)).map(([key, value]) => `${key}=${str(value)}`);
  for (const { key, operator, values } of objs(selector.matchExpressions)) {
    const list = `(${arr(values).map(str).sort().join(',')})`;
    if (operator === 'Exists') parts.push(str(key));
    else if (operator === 'DoesNotExist') parts.push(`!${str(key)}`);
    else parts.push(`${str(key)} ${operator === 'In' ? 'in' : 'notin'} ${list}`);
  }
  return parts.length === 0 ? '<none>' : parts.sort().join(',');
}
