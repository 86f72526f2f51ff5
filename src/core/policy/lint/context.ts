/** What every lint rule is given: the policy, where its parts stand, and answers about it; and how a finding is made. */
import type { Place } from '../../errors';
import type { Finding, Severity } from '../../finding';
import type { LoadedPolicy, PolicyDocument } from '../load';
import type { Decide } from '../match';
import { compilePolicy } from '../match';
import type { PathStep } from '../schema';
import type { Policy } from '../types';
import type { Edit } from '../edit';

/** A finding of lint; `fix` where the mend is certain. */
export interface LintFinding extends Finding {
  fix?: readonly Edit[];
  /** The API server would not start because of it. */
  blocksLoading?: boolean;
}

export interface LintContext {
  policy: Policy;
  document: PolicyDocument;
  decide: Decide;
}

export interface LintRule {
  /** The name that `--ignore` takes. */
  code: string;
  /** What it looks for, one line. */
  purpose: string;
  check(context: LintContext): LintFinding[];
}

export function contextOf(loaded: LoadedPolicy & { policy: Policy }): LintContext {
  const { policy, document } = loaded;
  return { policy, document, decide: compilePolicy(policy) };
}

/** A finding at the value, or the key, that a path names. */
export function finding(
  context: Pick<LintContext, 'document'>,
  path: readonly PathStep[],
  words: {
    code: string;
    severity: Severity;
    title: string;
    detail?: string;
    remedy: readonly string[];
    fix?: readonly Edit[];
  },
): LintFinding {
  return { ...words, place: placeFor(context.document, path) };
}

/** The key where the path ends with one and it is there, otherwise the value. */
function placeFor(document: PolicyDocument, path: readonly PathStep[]): Place {
  const key = document.keyAt(path);
  if (key !== undefined) return document.placeOf(key);
  const place = document.place(path);
  // A whole rule is pointed at by its first line, not underlined to its end.
  return typeof path.at(-1) === 'number' && document.valueAt(path)?.kind === 'object' ? { ...place, length: 1 } : place;
}

/** "rule 2", "rules 2 and 3", "rules 2, 3 and 5"; numbers from 1. */
export function ruleList(numbers: readonly number[]): string {
  const sorted = [...new Set(numbers)].sort((a, b) => a - b);
  if (sorted.length === 1) return `rule ${sorted[0] ?? 0}`;
  return `rules ${sorted.slice(0, -1).join(', ')} and ${sorted.at(-1) ?? 0}`;
}
