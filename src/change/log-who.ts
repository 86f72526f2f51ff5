/** Who did it: the answer from the log, and what it is worth: how far the log reaches back, and what the policy lets into it. */
import { parseEvent, sound, timeOf, type AuditEvent } from '../core/auditlog/event';
import {
  concernOf,
  filterOfQuestion,
  isNamespaced,
  requestsOfQuestion,
  type Concern,
  type Question,
} from '../core/auditlog/question';
import { timeText } from '../core/auditlog/time';
import { decide } from '../core/policy/match';
import type { AuditRequest, Decision, Policy } from '../core/policy/types';
import type { OpenLogs } from './log';

export interface WhoAnswer {
  user: string;
  as: string | null;
  groups: string[];
  verb: string;
  resource: string;
  subresource: string | null;
  namespace: string | null;
  name: string | null;
  time: string;
  ips: string[];
  agent: string;
  /** null: not answered, as far as the log tells. */
  code: number | null;
  succeeded: boolean;
  /** Done to this very object; else to many at once, which it may have been one of. */
  direct: boolean;
  auditID: string;
}

export interface PolicyView {
  /** every: whoever asks, it is logged. some: it depends on who asks. none: it is never logged. */
  logged: 'every' | 'some' | 'none';
  /** The rule that keeps it out, from 1; null when none matches. */
  rule: number | null;
  /** Whose requests are not logged, for `some`. */
  notFor: string[];
  /** Where nobody's are, for `some`, when no namespace was asked about. */
  notIn: string[];
}

/**
 * More answers of a kind than anybody reads: `log query` and `log top` are for that many. Of each kind, so that a thousand
 * refused tries do not push out the one that succeeded.
 */
const MOST = 2000;

export interface WhoReport {
  /** In the order of the log; of very many of a kind (done to this one, done to many, refused) the last ones. */
  answers: WhoAnswer[];
  /** How many are left out. */
  left: number;
  /** Time of the oldest event; null when the log is empty. */
  oldest: string | null;
  /** null: the policy is not known. */
  policy: PolicyView | null;
}

export async function askWho(
  logs: OpenLogs,
  question: Question,
  span: { since?: number; until?: number },
  policy: Policy | undefined,
): Promise<WhoReport> {
  const kinds = new Map<string, { answer: WhoAnswer; number: number }[]>();
  let number = 0;
  for await (const { raw } of logs.events({ ...filterOfQuestion(question), ...span })) {
    const event = sound(parseEvent(raw, false));
    // Who has no name in the request may have one in a body.
    const isNamed = question.name === undefined || event.objectRef?.name !== undefined;
    const concern = concernOf(isNamed ? event : parseEvent(raw), question);
    if (concern.with === 'other') continue;
    const answer = answerFrom(event, concern);
    const kind = answer.succeeded ? (answer.direct ? 'done' : 'many') : 'tried';
    const known = kinds.get(kind) ?? [];
    known.push({ answer, number: number++ });
    kinds.set(kind, known.length < 2 * MOST ? known : known.slice(MOST));
  }
  const answers = [...kinds.values()]
    .flatMap((known) => known.slice(-MOST))
    .sort((a, b) => a.number - b.number)
    .map(({ answer }) => answer);
  const oldest = await logs.oldest();
  // There is only one who created it.
  const isFound = question.deed === 'create' && answers.some(({ direct, succeeded }) => direct && succeeded);
  return {
    answers: isFound ? answers.filter(({ direct }) => direct) : answers,
    left: number - answers.length,
    oldest: oldest === undefined ? null : timeText(oldest),
    policy: policy === undefined ? null : policyView(policy, question),
  };
}

function answerFrom(event: AuditEvent, concern: Concern): WhoAnswer {
  const { user, impersonatedUser, objectRef, responseStatus, sourceIPs, userAgent, verb, auditID, stage } = event;
  const code = responseStatus?.code ?? null;
  return {
    user: user?.username ?? '',
    as: impersonatedUser?.username ?? null,
    groups: user?.groups ?? [],
    verb: verb ?? '',
    resource: objectRef?.resource ?? '',
    subresource: objectRef?.subresource ?? null,
    namespace: objectRef?.namespace ?? null,
    name: concern.name ?? null,
    time: timeOf(event),
    ips: sourceIPs ?? [],
    agent: userAgent ?? '',
    code,
    succeeded: stage !== 'Panic' && code !== null && code < 400,
    direct: concern.with === 'one',
    auditID: auditID ?? '',
  };
}

/** No rule names it. */
const ELSEWHERE = 'other namespaces';

/** Asks the policy for everybody whom it can tell apart, and, when no namespace was asked about, in all that it can tell apart. */
export function policyView(policy: Policy, question: Question): PolicyView {
  const all = placesOf(policy, question).map((place) => ({ place, ...viewIn(policy, question, place) }));
  const missed = all.flatMap((each) => each.missed);
  const [first] = missed;
  if (first === undefined) return { logged: 'every', rule: null, notFor: [], notIn: [] };
  const { rule } = first.decision;
  const silent = all.filter(({ logged }) => logged === 0);
  if (silent.length === all.length) return { logged: 'none', rule, notFor: [], notIn: [] };
  const partly = all.filter(({ logged }) => logged > 0).flatMap((each) => each.missed);
  const notFor = [...new Set(partly.map(({ who }) => who))];
  return { logged: 'some', rule, notFor, notIn: silent.map(({ place }) => place) };
}

/** A rule for namespaces is silent about what is in none: that alone would say nothing of objects that are in one. */
function placesOf({ rules }: Policy, question: Question): string[] {
  if (question.namespace !== undefined) return [question.namespace];
  if (!isNamespaced(question.target)) return [''];
  return [...new Set(rules.flatMap(({ namespaces }) => namespaces)), ELSEWHERE].filter((place) => place !== '');
}

function viewIn(
  policy: Policy,
  question: Question,
  place: string,
): { logged: number; missed: { who: string; decision: Decision }[] } {
  const kinds = requestsOfQuestion(question, place);
  const missed: { who: string; decision: Decision }[] = [];
  let logged = 0;
  for (const { user, groups } of people(policy)) {
    const decisions = kinds.map((kind) => decide(policy, { ...kind, user, groups } satisfies AuditRequest));
    const hidden = decisions.find((decision) => !isLogged(decision));
    if (hidden === undefined) logged++;
    else missed.push({ who: user, decision: hidden });
  }
  return { logged, missed };
}

function isLogged({ level, omitStages }: Decision): boolean {
  return (
    level !== 'None' && ['ResponseComplete', 'RequestReceived'].some((stage) => !omitStages.includes(stage as never))
  );
}

function people(policy: Policy): { user: string; groups: string[] }[] {
  const authenticated = ['system:authenticated'];
  const found = new Map<string, string[]>([
    ['somebody', authenticated],
    ['kubernetes-admin', ['system:masters', 'kubeadm:cluster-admins', ...authenticated]],
  ]);
  for (const { users, userGroups } of policy.rules) {
    for (const user of users)
      found.set(user, user.startsWith('system:node:') ? ['system:nodes', ...authenticated] : authenticated);
    for (const group of userGroups)
      if (group !== 'system:authenticated')
        found.set(`members of ${group}`, [group, ...(group === 'system:unauthenticated' ? [] : authenticated)]);
  }
  return [...found].map(([user, groups]) => ({ user, groups }));
}
