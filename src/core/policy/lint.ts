/** Lint: what the server would do with a policy file, and what we think of it. The rules stand in lint/, one file each. */
import type { Finding } from '../finding';
import { applyEdits } from './edit';
import type { LintContext, LintFinding, LintRule } from './lint/context';
import { contextOf } from './lint/context';
import { apiDiscovery } from './lint/api-discovery';
import { bodiesOfReads } from './lint/bodies-of-reads';
import { doubledRequests } from './lint/doubled-requests';
import { hiddenLogins } from './lint/hidden-logins';
import { loadProblems } from './lint/load-problems';
import { LOGS_NOTHING, logsNothing } from './lint/logs-nothing';
import { neverMatches } from './lint/never-matches';
import { noCatchAll } from './lint/no-catch-all';
import { noise } from './lint/noise';
import { rbacBodies } from './lint/rbac-bodies';
import { sensitiveBodies } from './lint/sensitive-bodies';
import { severalDocuments } from './lint/several-documents';
import { starIsNoWildcard } from './lint/star-is-no-wildcard';
import { unknownVerb } from './lint/unknown-verb';
import { unreachableRule } from './lint/unreachable-rule';
import { waysIn } from './lint/ways-in';
import { wrongGroup } from './lint/wrong-group';
import type { LoadOptions } from './load';
import { loadPolicy } from './load';

export interface LintOptions extends LoadOptions {
  /** Names of rules whose findings are left out. */
  ignore?: readonly string[];
}

export interface LintReport {
  /** Whether the API server would start with this file. */
  loads: boolean;
  lenient: boolean;
  /** What the API server would say: its refusal, or its warning; null when it is silent. */
  serverMessage: string | null;
  /** By line. */
  findings: LintFinding[];
}

/** Every rule that looks at a policy which loads, in the order of their names. */
export const LINT_RULES: readonly LintRule[] = [
  apiDiscovery,
  bodiesOfReads,
  doubledRequests,
  hiddenLogins,
  logsNothing,
  neverMatches,
  noCatchAll,
  noise,
  rbacBodies,
  sensitiveBodies,
  severalDocuments,
  starIsNoWildcard,
  unknownVerb,
  unreachableRule,
  waysIn,
  wrongGroup,
];

export function lintPolicy(input: string | Uint8Array, options: LintOptions = {}): LintReport {
  const loaded = loadPolicy(input, options);
  const { loads, lenient, serverMessage } = loaded;
  const policy = loaded.policy ?? loaded.meant;
  const findings = loadProblems(loaded);
  // Also where the server refuses: whoever mends that is not to find out only then what else is wrong. Advice waits.
  if (policy !== undefined) {
    const context = contextOf({ ...loaded, policy });
    findings.push(...checkAll(context).filter(({ severity }) => loads || severity !== 'info'));
  }
  const ignored = new Set(options.ignore ?? []);
  const kept = findings.filter((found) => !ignored.has(found.code));
  return { loads, lenient, serverMessage, findings: kept.sort(byPlace) };
}

/** Where several rules see the same mistake, the most telling one speaks. */
function checkAll(context: LintContext): LintFinding[] {
  const findings = LINT_RULES.flatMap((rule) => rule.check(context));
  const misread = new Set(
    findings
      .filter(({ code }) => code === 'star-is-no-wildcard' || code === 'unknown-verb')
      .map(({ place }) => place?.line),
  );
  const isEmpty = findings.some(({ code, title }) => code === logsNothing.code && title === LOGS_NOTHING);
  return findings.filter(
    ({ code, place }) =>
      !(code === 'never-matches' && misread.has(place?.line)) && !(isEmpty && MISSING_IN_EMPTY.has(code)),
  );
}

/** That these are not logged is no news where nothing is. */
const MISSING_IN_EMPTY = new Set([rbacBodies.code, noCatchAll.code, waysIn.code]);

function byPlace(a: Finding, b: Finding): number {
  const rank = { error: 0, warning: 1, info: 2 };
  return (
    (a.place?.line ?? 0) - (b.place?.line ?? 0) ||
    (a.place?.column ?? 0) - (b.place?.column ?? 0) ||
    rank[a.severity] - rank[b.severity]
  );
}

export interface FixReport {
  text: string;
  /** Names of the rules whose findings were mended, once for each mend. */
  fixed: string[];
  /** What is left to a person. */
  left: LintFinding[];
}

/** What these add depends on what the other rules mean once they are spelt right. */
const LAST = new Set([sensitiveBodies.code, doubledRequests.code]);

/** A mend can bring another mistake to light, which is mended in its turn. */
const MAX_ROUNDS = 200;

/** Mends what has a certain mend. A mend that brings in a new error, or does not mend, is taken back. */
export function fixPolicy(text: string, options: LintOptions = {}): FixReport {
  let current = text;
  const fixed: string[] = [];
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const { findings } = lintPolicy(current, options);
    const mend = [...findings]
      .sort((a, b) => Number(LAST.has(a.code)) - Number(LAST.has(b.code)))
      .flatMap((found) => (found.fix === undefined ? [] : [{ found, result: applyEdits(current, found.fix) }]))
      .find(({ found, result }) => isBetter(findings, lintPolicy(result, options).findings, found));
    if (mend === undefined) break;
    current = mend.result;
    fixed.push(mend.found.code);
  }
  return { text: current, fixed, left: lintPolicy(current, options).findings };
}

/** The mended finding is gone, and where a file loads that did not, whatever is found in it is no loss. */
function isBetter(before: readonly LintFinding[], after: readonly LintFinding[], mended: LintFinding): boolean {
  const count = (findings: readonly LintFinding[], code: string) =>
    findings.filter((found) => found.code === code).length;
  if (
    count(after, mended.code) >= count(before, mended.code) &&
    after.some((found) => keyOf(found) === keyOf(mended))
  ) {
    return false;
  }
  const errors = (findings: readonly LintFinding[]) => findings.filter((found) => found.severity === 'error').length;
  const loadedBefore = !before.some((found) => found.blocksLoading === true);
  return !loadedBefore || errors(after) <= errors(before);
}

function keyOf({ code, title, place }: LintFinding): string {
  return JSON.stringify([code, title, place?.lineText]);
}
