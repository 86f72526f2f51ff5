/**
 * Reads a policy as the API server does (apiserver/pkg/audit/policy/reader.go) and says what it would say: loads, loads
 * with a warning and without what it did not understand, or refuses to start. Our own opinion is lint's business.
 */
import type { Place } from '../errors';
import type { Finding } from '../finding';
import { LineIndex } from '../text';
import { looksLikeJson, parseJson } from './json-value';
import { problemFinding } from './load-findings';
import { interpretKind } from './load-kind';
import { decodeText } from './text-bytes';
import type { Decoded, PathStep, StrictError } from './schema';
import { decodeStruct } from './schema';
import { closest } from './spelling';
import type { KubeVersion, Policy } from './types';
import { DEFAULT_KUBE_VERSION, LEVELS, STAGES } from './types';
import type { UncheckedPolicy, UncheckedRule } from './validate';
import { aggregateText, isValid, validatePolicy } from './validate';
import type { ParsedText, Span, Value } from './value';
import { TextProblem, memberOf, valueAt } from './value';
import { parseYaml } from './yaml-value';

export interface LoadOptions {
  /** As the user named it; stands in places and in the server's messages. */
  file?: string;
  /** Whose API server; 1.36 when absent. */
  kubeVersion?: KubeVersion;
}

export interface LoadedPolicy {
  /** Whether the API server would start with this file. */
  loads: boolean;
  /** It would load, but ignore what it does not understand. */
  lenient: boolean;
  /** The refusal (`loading audit policy file: …`), or the warning of lenient loading; null when it is silent. */
  serverMessage: string | null;
  /** Why it refuses, or what it ignores; each with its place. */
  problems: LoadFinding[];
  /** As the server has it; absent when it refuses. */
  policy?: Policy;
  /** Where it refuses over a value here and there: what is probably meant, so that the rest can be looked at as well. */
  meant?: Policy;
  document: PolicyDocument;
}

/** A finding that knows where it comes from, so that others can mend it. */
export interface LoadFinding extends Finding {
  source: LoadProblem;
}

/** The text behind a policy: where every rule and field stands. */
export class PolicyDocument {
  readonly text: string;
  readonly file: string | undefined;
  /** undefined when the text could not be read at all. */
  readonly root: Value | undefined;
  /** Where text begins that the server never reads: a second YAML document. */
  readonly rest: number | undefined;
  readonly #lines: LineIndex;

  constructor(text: string, file: string | undefined, parsed: ParsedText | undefined) {
    this.text = text;
    this.file = file;
    this.root = parsed?.root;
    this.rest = parsed?.rest;
    this.#lines = new LineIndex(text);
  }

  valueAt(path: readonly PathStep[]): Value | undefined {
    return this.root === undefined ? undefined : valueAt(this.root, path);
  }

  /** The key of the last step of the path, where that is a name. */
  keyAt(path: readonly PathStep[]): Span | undefined {
    const name = path.at(-1);
    return typeof name === 'string' ? memberOf(this.valueAt(path.slice(0, -1)), name)?.keySpan : undefined;
  }

  /** Where the value at the path stands, or its nearest parent that does: `rules`, 2, `verbs`, 0. */
  place(path: readonly PathStep[]): Place {
    for (let length = path.length; length > 0; length--) {
      const value = this.valueAt(path.slice(0, length));
      if (value !== undefined) return this.placeOf(value);
    }
    return this.placeOf({ start: 0, end: 1 });
  }

  placeOf(span: Span): Place {
    return this.#lines.place(span.start, span.end - span.start, this.file);
  }
}

export function loadPolicy(input: string | Uint8Array, options: LoadOptions = {}): LoadedPolicy {
  const version = options.kubeVersion ?? DEFAULT_KUBE_VERSION;
  let text = '';
  try {
    text = typeof input === 'string' ? input : decodeText(input);
    const parsed = looksLikeJson(text) ? parseJson(text) : parseYaml(text);
    return loadParsed(new PolicyDocument(text, options.file, parsed), parsed, version);
  } catch (problem) {
    if (!(problem instanceof TextProblem)) throw problem;
    const document = new PolicyDocument(text, options.file, undefined);
    const json = looksLikeJson(text);
    const words = json ? `couldn't get version/kind; json parse error: ${problem.message}` : problem.message;
    const span = { start: problem.offset, end: problem.offset + 1 };
    return refuse(document, `failed decoding: ${words}`, [{ code: 'syntax-error', span, text: problem.message }]);
  }
}

/** A reason why the server does not take the file as it stands. */
export interface LoadProblem {
  code: string;
  span: Span;
  /** The server's words for this one. */
  text: string;
  path?: readonly PathStep[];
  key?: string;
}

function refuse(
  document: PolicyDocument,
  words: string,
  problems: readonly LoadProblem[],
  meant?: Policy,
): LoadedPolicy {
  const from = document.file === undefined ? '' : `: from file ${document.file}`;
  return {
    loads: false,
    lenient: false,
    serverMessage: `loading audit policy file: ${words}${from}`,
    problems: problems.map((problem) => problemFinding(problem, 'error', document)),
    ...(meant ? { meant } : {}),
    document,
  };
}

function loadParsed(document: PolicyDocument, parsed: ParsedText, version: KubeVersion): LoadedPolicy {
  const { root } = parsed;
  const kind = interpretKind(root, document.text, version);
  if ('refusal' in kind) return refuse(document, kind.refusal, [kind.problem]);

  const decoded = decodeStruct(root.kind === 'null' ? { ...root, kind: 'object', members: [] } : root, kind.type);
  if (decoded.problem !== undefined) {
    const { text, path, span } = decoded.problem;
    return refuse(document, `failed decoding: ${text}`, [{ code: 'wrong-type', text, path, span }]);
  }
  if (kind.unknownVersion !== undefined) {
    const span = { start: root.start, end: root.start + 1 };
    return refuse(document, kind.unknownVersion, [{ code: 'missing-api-version', span, text: kind.unknownVersion }]);
  }

  const policy = unchecked(decoded);
  const errors = validatePolicy(policy, version);
  if (!isValid(policy, errors)) {
    if (errors.length === 0) {
      const text = 'loaded illegal policy with 0 rules';
      const span = memberOf(root, 'rules')?.keySpan ?? { start: root.start, end: root.start + 1 };
      return refuse(document, text, [{ code: 'no-rules', span, text }]);
    }
    return refuse(
      document,
      aggregateText(errors),
      [
        ...errors.map(({ code, text, path }) => ({ code, text, path, span: spanOf(document, path) })),
        ...ignoredOf(parsed, decoded.strict),
      ],
      meantBy(policy),
    );
  }
  return accept(document, policy, parsed, decoded.strict);
}

function accept(
  document: PolicyDocument,
  policy: Policy,
  parsed: ParsedText,
  strict: readonly StrictError[],
): LoadedPolicy {
  const { duplicates } = parsed;
  const texts = [
    ...(duplicates.length > 0 ? [`yaml: unmarshal errors:\n  ${duplicates.map((d) => d.text).join('\n  ')}`] : []),
    ...strict.map((error) => error.text),
  ];
  const lenient = texts.length > 0;
  const warning = `Audit policy contains errors, falling back to lenient decoding: strict decoding error: ${texts.join(', ')}`;
  return {
    loads: true,
    lenient,
    serverMessage: lenient ? warning : null,
    problems: ignoredOf(parsed, strict)
      .sort((a, b) => a.span.start - b.span.start)
      .map((problem) => problemFinding(problem, 'error', document)),
    policy,
    document,
  };
}

/** What lenient decoding drops. */
function ignoredOf({ duplicates }: ParsedText, strict: readonly StrictError[]): LoadProblem[] {
  return [
    ...duplicates.map(({ key, span, text }) => ({ code: 'duplicate-field', key, span, text })),
    ...strict.map(({ kind, key, path, span, text }) => ({ code: kind, key, path, span, text })),
  ];
}

function meantBy({ rules, omitStages, omitManagedFields }: UncheckedPolicy): Policy {
  const meant = <T extends string>(word: string, words: readonly T[]): T | undefined =>
    words.find((each) => each === closest(word, words));
  const stages = (given: readonly string[]) => given.flatMap((stage) => meant(stage, STAGES) ?? []);
  return {
    omitManagedFields,
    omitStages: stages(omitStages),
    rules: rules.map((rule) => ({
      ...rule,
      level: meant(rule.level, LEVELS) ?? 'Metadata',
      omitStages: stages(rule.omitStages),
    })),
  };
}

function spanOf(document: PolicyDocument, path: readonly PathStep[]): Span {
  for (let length = path.length; length > 0; length--) {
    const value = document.valueAt(path.slice(0, length));
    if (value !== undefined) return value;
  }
  return { start: 0, end: 1 };
}

/** Decoded data with every list in place. */
function unchecked({ data }: Decoded): UncheckedPolicy {
  const policy = data as Partial<UncheckedPolicy> | undefined;
  return {
    omitStages: strings(policy?.omitStages),
    omitManagedFields: policy?.omitManagedFields ?? false,
    rules: (policy?.rules ?? []).map((rule): UncheckedRule => {
      const given = (rule ?? {}) as Partial<UncheckedRule>;
      return {
        level: given.level ?? '',
        users: strings(given.users),
        userGroups: strings(given.userGroups),
        verbs: strings(given.verbs),
        resources: (given.resources ?? []).map((entry: Partial<UncheckedRule['resources'][number]> | undefined) => ({
          group: entry?.group ?? '',
          resources: strings(entry?.resources),
          resourceNames: strings(entry?.resourceNames),
        })),
        namespaces: strings(given.namespaces),
        nonResourceURLs: strings(given.nonResourceURLs),
        omitStages: strings(given.omitStages),
        ...(given.omitManagedFields === undefined ? {} : { omitManagedFields: given.omitManagedFields }),
      };
    }),
  };
}

/** A null among strings is an empty one. */
function strings(values: readonly (string | undefined)[] | undefined): string[] {
  return (values ?? []).map((value) => value ?? '');
}
