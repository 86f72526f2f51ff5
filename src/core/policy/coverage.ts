/**
 * How much of each concern a policy logs. The level is the one that anybody gets in any namespace; whoever or whatever
 * the policy treats otherwise is listed, so that "Metadata, but None for system:nodes" is said and not averaged away.
 */
import type { Concern, VerbGroup } from './concerns';
import { CONCERNS, VERB_GROUPS } from './concerns';
import { thinningFor } from './lint/reach';
import type { Who } from './lint/world';
import { ANONYMOUS, ANYBODY, ANY_ACCOUNT, NOBODY, OTHER, people } from './lint/world';
import type { Decide } from './match';
import { compilePolicy } from './match';
import { findResource } from './resources';
import type { Level, Policy } from './types';
import { LEVELS, levelRank } from './types';

export interface CoverageCell {
  verbs: VerbGroup;
  /** What anybody's requests get; they differ where a verb, or one resource of several, is treated otherwise. */
  lowest: Level;
  highest: Level;
  /** Whom, or what, the policy treats otherwise. */
  exceptions: CoverageException[];
}

export interface CoverageException {
  /** E.g. "system:kube-proxy", "members of system:nodes", "in kube-system". */
  what: string;
  lowest: Level;
  highest: Level;
}

export interface CoverageRow {
  concern: string;
  title: string;
  /** Named in recommendation 3.2.2 of the CIS Kubernetes Benchmark. */
  cis: boolean;
  cells: CoverageCell[];
  /**
   * covered: at least the wanted level, and no contents that do not belong in a log. partly: some of it is missing, or
   * for some only. missing: none of it is logged. leaks: contents get into the log.
   */
  verdict: 'covered' | 'partly' | 'missing' | 'leaks';
}

export function policyCoverage(policy: Policy): CoverageRow[] {
  const decide = compilePolicy(policy);
  const cases = casesOf(policy);
  return CONCERNS.map((concern) => {
    const cells = (Object.keys(concern.want) as VerbGroup[]).map((verbs) => cellOf(decide, concern, verbs, cases));
    return { concern: concern.name, title: concern.title, cis: concern.cis, cells, verdict: verdictOf(concern, cells) };
  });
}

/** Somebody, somewhere; described by what sets it apart from anybody anywhere. */
interface Case {
  who: Who;
  namespace: string;
  name: string;
  /** In the order who, where, which; empty for anybody anywhere. */
  parts: readonly string[];
}

const MAX_CASES = 5000;
const MAX_EXCEPTIONS = 12;

function casesOf(policy: Policy): Case[] {
  const { rules } = policy;
  const thin = thinningFor(rules);
  const whos = thin.whos(people(rules));
  const namespaces = thin.namespaces([
    OTHER,
    ...rules.flatMap((rule) => rule.namespaces.filter((name) => name !== '')),
  ]);
  const names = thin.names([OTHER, ...rules.flatMap((rule) => rule.resources.flatMap((entry) => entry.resourceNames))]);
  const cases: Case[] = [];
  for (const who of whos) {
    for (const namespace of namespaces) {
      for (const name of names) {
        const parts = [
          ...(who === ANYBODY ? [] : [describeWho(who)]),
          ...(namespace === OTHER ? [] : [`in ${namespace}`]),
          ...(name === OTHER || name === '' ? [] : [`named ${name}`]),
        ];
        if (cases.length < MAX_CASES) cases.push({ who, namespace, name, parts });
      }
    }
  }
  return cases.sort((a, b) => a.parts.length - b.parts.length);
}

function describeWho(who: Who): string {
  if (who.user === ANY_ACCOUNT.user) return 'service accounts';
  if (who.user !== OTHER) return who.user ?? 'failed logins';
  return `members of ${who.groups.filter((group) => group !== 'system:authenticated')[0] ?? 'system:authenticated'}`;
}

interface Range {
  lowest: Level;
  highest: Level;
}

function cellOf(decide: Decide, concern: Concern, verbs: VerbGroup, cases: readonly Case[]): CoverageCell {
  const fixed = concern.who === 'nobody' ? NOBODY : concern.who === 'anonymous' ? ANONYMOUS : undefined;
  const usual = rangeOf(decide, concern, verbs, { who: fixed ?? ANYBODY, namespace: OTHER, name: OTHER });
  const exceptions: (CoverageException & { parts: readonly string[] })[] = [];
  for (const one of fixed === undefined ? cases : cases.filter(({ who }) => who === ANYBODY)) {
    const range = rangeOf(decide, concern, verbs, fixed === undefined ? one : { ...one, who: fixed });
    const simpler = exceptions.filter(({ parts }) => parts.every((part) => one.parts.includes(part)));
    // A combination is only news where the simpler cases that it is made of do not say the same.
    const expected = simpler.at(-1) ?? usual;
    if (sameRange(range, expected) || exceptions.length >= MAX_EXCEPTIONS) continue;
    exceptions.push({ what: one.parts.join(' '), parts: one.parts, ...range });
  }
  return { verbs, ...usual, exceptions: exceptions.map(({ what, lowest, highest }) => ({ what, lowest, highest })) };
}

function rangeOf(decide: Decide, concern: Concern, group: VerbGroup, one: Omit<Case, 'parts'>): Range {
  const levels = concern.resources.flatMap(({ group: apiGroup, resource, subresource = '' }) => {
    const namespaced = findResource(apiGroup, resource)?.namespaced !== false;
    return VERB_GROUPS[group].flatMap((verb): Level[] => {
      const nameless = subresource === '' && ['create', 'list', 'watch', 'deletecollection'].includes(verb);
      // Those exist on whole objects only.
      if (subresource !== '' && ['list', 'watch', 'deletecollection'].includes(verb)) return [];
      const own = apiGroup === '' && resource === 'namespaces' && !nameless;
      const name = nameless ? '' : own && one.namespace !== OTHER ? one.namespace : one.name;
      const namespace = own ? name : namespaced ? one.namespace : '';
      const { user, groups } = one.who;
      return [decide({ user, groups, verb, apiGroup, apiVersion: 'v1', resource, subresource, name, namespace }).level];
    });
  });
  const ranks = levels.map(levelRank);
  return { lowest: LEVELS[Math.min(...ranks)] ?? 'None', highest: LEVELS[Math.max(...ranks)] ?? 'None' };
}

function sameRange(a: Range, b: Range): boolean {
  return a.lowest === b.lowest && a.highest === b.highest;
}

function verdictOf(concern: Concern, cells: readonly CoverageCell[]): CoverageRow['verdict'] {
  const ranges = cells.flatMap((cell) => [cell, ...cell.exceptions].map((range) => ({ ...range, verbs: cell.verbs })));
  const limit = concern.leaksFrom;
  if (limit !== undefined && ranges.some((range) => leaks(range.highest, range.verbs, limit))) return 'leaks';
  const reaches = (level: Level, verbs: VerbGroup) => levelRank(level) >= levelRank(concern.want[verbs] ?? 'Metadata');
  if (cells.every(({ highest }) => highest === 'None')) return 'missing';
  // Components that are left out on purpose do not make a gap; what anybody gets does.
  return cells.every(({ lowest, verbs }) => reaches(lowest, verbs)) ? 'covered' : 'partly';
}

/** Reads and deletions have no request body: there only answers can leak. */
function leaks(level: Level, verbs: VerbGroup, limit: Level): boolean {
  const from = verbs === 'read' || verbs === 'delete' ? 'RequestResponse' : limit;
  return levelRank(level) >= levelRank(from);
}
