/**
 * Errors a user can mend. Throwing one means "could not ask": nothing was changed, exit code 2.
 * Anything else that is thrown is a bug and is reported as one.
 */

/** Where in a file something stands. Lines and columns count from 1. */
export interface Place {
  /** Path as the user would type it. */
  file?: string;
  line: number;
  column: number;
  /** The line itself, without its line break, for showing with a caret. */
  lineText?: string;
  /** How many columns the caret underlines; 1 when absent. */
  length?: number;
}

/** Shared by all copies of this module: the program is built in chunks, and each that throws has one of its own. */
const BRAND: unique symbol = Symbol.for('kube-auditctl.UserError') as never;

export class UserError extends Error {
  readonly [BRAND] = true;
  /** Stable kebab-case name, listed in docs/exit-codes.md. */
  readonly code: string;
  readonly place: Place | undefined;
  /** What to do about it, a line each; commands can be typed as they stand. */
  readonly hints: readonly string[];

  constructor(code: string, message: string, more: { place?: Place; hints?: readonly string[]; cause?: unknown } = {}) {
    super(message, { cause: more.cause });
    this.name = 'UserError';
    this.code = code;
    this.place = more.place;
    this.hints = more.hints ?? [];
  }

  /** An error of another chunk is one of ours: without this it would be told as a bug. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    const branded = typeof value === 'object' && value !== null && BRAND in value;
    return this === UserError ? branded : branded && Function.prototype[Symbol.hasInstance].call(this, value);
  }
}

/** The text of anything that was thrown. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/** Fails to compile when a switch over a closed union forgets a member. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
