/**
 * Filters over audit events. A filter is given as texts (so that it can be sent to another thread), compiled once, and
 * asked event by event in two steps: first what stands in the head of an event, then the rest. Rule: it answers what the
 * same question over the parsed JSON would answer.
 */
import { UserError } from '../errors';
import { addressTest } from './address';
import { codeTest } from './codes';
import { holds } from './where/evaluate';
import { parseExpression } from './where/parser';
import { ABSENT, OTHER, SLOT, type Field } from './members';
import { Interner } from './interner';
import { exactOrGlob, listTest, splitValues, textTest, type TextTest } from './patterns';
import { presetNamed } from './presets';
import { resourceTest } from './resources';
import type { EventScan } from './scan';
import { micros } from './time';

/** Lists of values: alternatives; `!value`: not this one; `*`: any run of characters. */
export interface FilterSpec {
  user?: readonly string[];
  /** Whom the user acted as. */
  as?: readonly string[];
  group?: readonly string[];
  verb?: readonly string[];
  resource?: readonly string[];
  namespace?: readonly string[];
  name?: readonly string[];
  ip?: readonly string[];
  code?: readonly string[];
  decision?: readonly string[];
  level?: readonly string[];
  agent?: readonly string[];
  uri?: readonly string[];
  auditId?: readonly string[];
  /** Taken literally: Audit-IDs are the clients' to choose, with any character in them. */
  oneId?: { id: string; isWhole: boolean };
  /** `key`, `key=value`. */
  annotation?: readonly string[];
  where?: readonly string[];
  preset?: readonly string[];
  /** One of these as a whole, besides all else; without stages and spans of time of their own. */
  any?: readonly FilterSpec[];
  /** Names of stages, or `all`; absent: one event a request, the last one in the log. */
  stage?: readonly string[];
  /** Microseconds since the epoch, both inclusive, of the moment the event was written (stageTimestamp). */
  since?: number;
  until?: number;
}

type Test = (scan: EventScan) => boolean;

export interface Filter {
  /** Asked after `open()`: false discards. */
  head: Test;
  /** Asked after `rest()`. */
  test: Test;
  /**
   * What may hold for an early stage of a request and not for a later one (`--code '!200'`): asked when the stage that
   * stands for the request has been picked.
   */
  after: Test;
  /** One event a request. */
  pick: boolean;
}

interface Tests {
  head: Test[];
  rest: Test[];
  after: Test[];
}

/** @throws {UserError} for values that cannot be read. */
export function compileFilter(spec: FilterSpec): Filter {
  const tests: Tests = { head: [], rest: [], after: [] };
  addTests(spec, tests);
  const { head, rest, after } = tests;
  return { head: every(head), test: every(rest), after: every(after), pick: spec.stage === undefined };
}

function addTests(spec: FilterSpec, tests: Tests): void {
  const { head, rest, after } = tests;
  const late = (test: TextTest, make: Test): void => void (test.stable ? rest : after).push(make);
  for (const [field, slot] of HEAD_FIELDS) {
    const values = spec[field];
    if (values !== undefined) head.push(texts(SLOT[slot], values));
  }
  if (spec.stage !== undefined && !spec.stage.includes('all')) head.push(texts(SLOT.stage, spec.stage.map(stageNamed)));
  if (spec.oneId !== undefined) {
    const { id, isWhole } = spec.oneId;
    head.push((scan) => (isWhole ? scan.text(SLOT.auditID) === id : scan.text(SLOT.auditID).startsWith(id)));
  }
  if (spec.resource !== undefined) rest.push(resourceFilter(spec.resource));
  if (spec.ip !== undefined) {
    const test = listTest(spec.ip, addressTest);
    rest.push((scan) => test(textsOf(scan.value(SLOT.sourceIPs))));
  }
  if (spec.group !== undefined) {
    const test = listTest(spec.group);
    rest.push((scan) => test(textsOf(scan.value(SLOT['user.groups']))));
  }
  if (spec.agent !== undefined) rest.push(remembering(SLOT.userAgent, textTest(spec.agent, contained).test));
  for (const [field, slot] of LATE_FIELDS) {
    const values = spec[field];
    if (values === undefined) continue;
    const test = textTest(values);
    late(test, remembering(SLOT[slot], test.test));
  }
  if (spec.code !== undefined) {
    const test = textTest(spec.code, codeTest);
    late(test, (scan) => test.test(String(scan.number(SLOT['responseStatus.code']))));
  }
  if (spec.decision !== undefined) {
    const test = textTest(spec.decision);
    late(test, (scan) => test.test(annotationsOf(scan)['authorization.k8s.io/decision'] ?? ''));
  }
  if (spec.annotation !== undefined) addAnnotations(spec.annotation, tests);
  for (const source of spec.where ?? []) after.push(whereFilter(source));
  for (const name of splitValues(spec.preset ?? [])) addAny(presetNamed(name).any, tests);
  if (spec.any !== undefined) addAny(spec.any, tests);
  addTimes(spec, tests);
}

/** Asked of every event alike; these fields are the same in all stages of a request. */
const HEAD_FIELDS = [
  ['verb', 'verb'],
  ['user', 'user.username'],
  ['level', 'level'],
  ['auditId', 'auditID'],
  ['uri', 'requestURI'],
] as const satisfies readonly (readonly [keyof FilterSpec, Field])[];

/** Filled in between the first stage and the last: of what is created, the server learns the name from the body. */
const LATE_FIELDS = [
  ['namespace', 'objectRef.namespace'],
  ['name', 'objectRef.name'],
  ['as', 'impersonatedUser.username'],
] as const satisfies readonly (readonly [keyof FilterSpec, Field])[];

const STAGE_NAMES = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'];

function stageNamed(value: string): string {
  const name = value.replace(/^!/, '');
  const known = STAGE_NAMES.find((stage) => stage.toLowerCase() === name.toLowerCase());
  if (known !== undefined) return value.startsWith('!') ? `!${known}` : known;
  throw new UserError('bad-stage', `there is no stage ${name}`, { hints: [`one of: ${STAGE_NAMES.join(', ')}, all`] });
}

/**
 * Any of several filters, each as a whole: what a preset is. Where one of them has a test that is asked late, the early stages
 * pass without it, and all of them are asked once more.
 */
function addAny(specs: readonly FilterSpec[], { rest, after }: Tests): void {
  const filters = specs.map((spec) => {
    const own: Tests = { head: [], rest: [], after: [] };
    addTests(spec, own);
    return { early: every([...own.head, ...own.rest]), late: every(own.after), isLate: own.after.length > 0 };
  });
  rest.push((scan) => filters.some(({ early }) => early(scan)));
  if (filters.some(({ isLate }) => isLate))
    after.push((scan) => filters.some(({ early, late }) => early(scan) && late(scan)));
}

function resourceFilter(values: readonly string[]): Test {
  const { test } = resourceTest(values);
  return (scan) =>
    test(
      scan.text(SLOT['objectRef.resource']),
      scan.text(SLOT['objectRef.apiGroup']),
      scan.text(SLOT['objectRef.subresource']),
    );
}

function addAnnotations(values: readonly string[], { rest, after }: Tests): void {
  const all = splitValues(values);
  const single = (value: string): Test => {
    const mark = value.indexOf('=');
    const key = exactOrGlob(mark === -1 ? value : value.slice(0, mark));
    const content = mark === -1 ? () => true : exactOrGlob(value.slice(mark + 1));
    return (scan) => Object.entries(annotationsOf(scan)).some(([name, text]) => key(name) && content(text));
  };
  const wanted = all.filter((value) => !value.startsWith('!')).map(single);
  const unwanted = all.filter((value) => value.startsWith('!')).map((value) => single(value.slice(1)));
  if (wanted.length > 0) rest.push((scan) => wanted.some((test) => test(scan)));
  if (unwanted.length > 0) after.push((scan) => !unwanted.some((test) => test(scan)));
}

function whereFilter(source: string): Test {
  const expression = parseExpression(source);
  return (scan) => {
    let whole: Record<string, unknown> | undefined;
    return holds(expression, (name) => {
      const slot = (SLOT as Readonly<Record<string, number>>)[name];
      if (slot !== undefined) return scan.value(slot);
      whole ??= parsed(scan);
      return Object.hasOwn(whole, name) ? whole[name] : undefined;
    });
  };
}

function parsed(scan: EventScan): Record<string, unknown> {
  try {
    return JSON.parse(new TextDecoder().decode(scan.raw())) as Record<string, unknown>;
  } catch {
    return {};
  }
}

function addTimes({ since, until }: FilterSpec, { rest }: Tests): void {
  if (since !== undefined) rest.push((scan) => stageMicros(scan) >= since);
  if (until !== undefined) rest.push((scan) => stageMicros(scan) <= until);
}

/** When the event was written, in microseconds; NaN when it does not say. */
export function stageMicros(scan: EventScan): number {
  return micros(
    scan.text(scan.kinds[SLOT.stageTimestamp] === ABSENT ? SLOT.requestReceivedTimestamp : SLOT.stageTimestamp),
  );
}

export function annotationsOf(scan: EventScan): Readonly<Record<string, string>> {
  if (scan.kinds[SLOT.annotations] !== OTHER) return {};
  const value = scan.value(SLOT.annotations);
  return typeof value === 'object' && value !== null ? (value as Record<string, string>) : {};
}

export function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function contained(value: string): (text: string) => boolean {
  return value.includes('*') ? exactOrGlob(value) : (text) => text.includes(value);
}

/** A few plain words are compared where they stand; everything else is remembered. */
function texts(slot: number, values: readonly string[]): Test {
  const all = splitValues(values);
  if (all.length > FEW || !all.every((value) => /^[\w.:@-]+$/.test(value)))
    return remembering(slot, textTest(values).test);
  const [only = ''] = all;
  return all.length === 1 ? (scan) => scan.is(slot, only) : (scan) => all.some((value) => scan.is(slot, value));
}

const FEW = 4;
const MOST_REMEMBERED = 20_000;

/** Asks about each text once, as long as there are not too many different ones. */
function remembering(slot: number, test: (text: string) => boolean): Test {
  let interner = new Interner();
  let answers = new Uint8Array(MOST_REMEMBERED + 2);
  return (scan) => {
    const kind = scan.kinds[slot];
    if (kind === ABSENT || kind === OTHER) return test('');
    const number = interner.number(scan.bytes, scan.view, scan.from[slot] ?? 0, scan.to[slot] ?? 0, kind === 2);
    if (number > MOST_REMEMBERED) {
      interner = new Interner();
      answers = new Uint8Array(MOST_REMEMBERED + 2);
      return test(scan.text(slot));
    }
    if (answers[number] === 0) answers[number] = test(interner.text(number)) ? 1 : 2;
    return answers[number] === 1;
  };
}

function every(tests: readonly Test[]): Test {
  const [first, second] = tests;
  if (first === undefined) return () => true;
  if (second === undefined) return first;
  return (scan) => {
    for (const test of tests) if (!test(scan)) return false;
    return true;
  };
}
