/**
 * Whether an expression holds for an event. A list on one side holds when one of its items does; what is not there equals
 * nothing, and is neither smaller nor larger than anything.
 */
import { unreachable } from '../../errors';
import { EVERY, type Comparison, type Expression, type Operand, type Step } from './parser';

/** Finds what the first step of a path names. */
export type Root = (name: string) => unknown;

export function holds(expression: Expression, root: Root): boolean {
  switch (expression.kind) {
    case 'and':
      return expression.parts.every((part) => holds(part, root));
    case 'or':
      return expression.parts.some((part) => holds(part, root));
    case 'not':
      return !holds(expression.part, root);
    case 'exists':
      return read(expression.operand, root).some((value) => value !== null && value !== false && value !== '');
    case 'matches': {
      const found = texts(read(expression.left, root)).some((text) => expression.pattern.test(text));
      return found !== expression.negated;
    }
    case 'in': {
      const right = expression.values.flatMap((value) => read(value, root));
      const found = items(read(expression.left, root)).some((value) => right.some((other) => equal(value, other)));
      return found !== expression.negated;
    }
    case 'compare':
      return compare(expression.operator, items(read(expression.left, root)), items(read(expression.right, root)));
    default:
      return unreachable(expression);
  }
}

function compare(operator: Comparison, left: readonly unknown[], right: readonly unknown[]): boolean {
  const some = (test: (a: unknown, b: unknown) => boolean): boolean => left.some((a) => right.some((b) => test(a, b)));
  switch (operator) {
    case '==':
      return left.length === 0 || right.length === 0 ? isNothing(left) && isNothing(right) : some(equal);
    case '!=':
      return !compare('==', left, right);
    case 'contains':
      return some((a, b) => typeof a === 'string' && typeof b === 'string' && a.includes(b)) || some(equal);
    case '<':
      return some((a, b) => order(a, b) < 0);
    case '<=':
      return some((a, b) => order(a, b) <= 0);
    case '>':
      return some((a, b) => order(a, b) > 0);
    case '>=':
      return some((a, b) => order(a, b) >= 0);
    default:
      return unreachable(operator);
  }
}

/** `== null` asks whether it is not there, as in jq. */
function isNothing(values: readonly unknown[]): boolean {
  return values.every((value) => value === null);
}

function equal(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || a === null || typeof b !== 'object' || b === null) return false;
  try {
    return JSON.stringify(a) === JSON.stringify(b);
  } catch {
    // Nested so deep that it cannot be written: one such event must not end the reading of its file.
    return false;
  }
}

function order(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  if (typeof a === 'string' && typeof b === 'string') return a < b ? -1 : a > b ? 1 : 0;
  return NaN;
}

function items(values: readonly unknown[]): unknown[] {
  return values.flatMap((value): unknown[] => (Array.isArray(value) ? value : [value]));
}

function texts(values: readonly unknown[]): string[] {
  return items(values).flatMap((value) =>
    typeof value === 'string'
      ? [value]
      : typeof value === 'number' || typeof value === 'boolean'
        ? [String(value)]
        : [],
  );
}

/** What an operand says of an event: nothing, one value, or several. */
export function read(operand: Operand, root: Root): unknown[] {
  if (operand.kind === 'literal') return [operand.value];
  const [first, ...rest] = operand.steps;
  return walk([root(typeof first === 'string' ? first : '')], rest);
}

function walk(values: readonly unknown[], steps: readonly Step[]): unknown[] {
  let found = values.filter((value) => value !== undefined);
  for (const step of steps) found = found.flatMap((value) => into(value, step)).filter((value) => value !== undefined);
  return found;
}

function into(value: unknown, step: Step): unknown[] {
  if (Array.isArray(value)) {
    if (step === EVERY) return value as unknown[];
    if (typeof step === 'number') return [value.at(step)];
    // `groups.x` and `items[].x` mean the same.
    return value.flatMap((item) => into(item, step));
  }
  if (typeof value !== 'object' || value === null) return [];
  if (step === EVERY) return Object.values(value);
  return Object.hasOwn(value, String(step)) ? [(value as Record<string, unknown>)[String(step)]] : [];
}
