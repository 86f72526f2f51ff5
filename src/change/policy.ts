/** The policy commands, without their face: policies in, values out. They change nothing, and write nothing. */
import { UserError } from '../core/errors';
import { decodeText } from './manifest';
import type { CoverageRow } from '../core/policy/coverage';
import { policyCoverage } from '../core/policy/coverage';
import type { Explanation } from '../core/policy/explain';
import { explain } from '../core/policy/explain';
import type { FileObject, KubectlRequest } from '../core/policy/kubectl';
import { kubectlRequests } from '../core/policy/kubectl';
import type { FixReport, LintOptions, LintReport } from '../core/policy/lint';
import { fixPolicy, lintPolicy } from '../core/policy/lint';
import { loadPolicy } from '../core/policy/load';
import { compilePolicy } from '../core/policy/match';
import { answerLine, parseRequestLine } from '../core/policy/request-lines';
import { auditRequest } from '../core/policy/request';
import type { Replay, ReplayOptions, ReplayResult } from '../core/policy/replay';
import { createReplay } from '../core/policy/replay';
import type { AuditRequest, KubeVersion, Policy } from '../core/policy/types';

/** A policy as the user named it. */
export interface PolicyInput {
  file: string;
  text: string | Uint8Array;
}

export interface LintedFile {
  file: string;
  report: LintReport;
}

/** @returns `clean` when every file loads and none has an error; warnings do not count. */
export function runLint(
  inputs: readonly PolicyInput[],
  options: Omit<LintOptions, 'file'> = {},
): { files: LintedFile[]; clean: boolean } {
  const files = inputs.map(({ file, text }) => ({ file, report: lintPolicy(text, { ...options, file }) }));
  const clean = files.every(
    ({ report }) => report.loads && report.findings.every(({ severity }) => severity !== 'error'),
  );
  return { files, clean };
}

/** @throws {UserError} `not-text`: what cannot be decoded could not be written back unharmed. */
export function runFix(input: PolicyInput, options: Omit<LintOptions, 'file'> = {}): FixReport {
  const text = typeof input.text === 'string' ? input.text : decodeText(input.text, input.file);
  return fixPolicy(text, { ...options, file: input.file });
}

/**
 * The policy of a file that the API server would load.
 * @throws {UserError} `policy-refused` with its words and the place.
 */
export function requirePolicy({ file, text }: PolicyInput, kubeVersion?: KubeVersion): Policy {
  const loaded = loadPolicy(text, { file, ...(kubeVersion === undefined ? {} : { kubeVersion }) });
  if (loaded.policy !== undefined) return loaded.policy;
  const [first] = loaded.problems;
  throw new UserError('policy-refused', `the API server would not load ${file}: ${loaded.serverMessage ?? ''}`, {
    ...(first?.place === undefined ? {} : { place: first.place }),
    hints: first?.remedy ?? [],
  });
}

export interface ExplainedRequest {
  request: AuditRequest;
  explanation: Explanation;
}

export function runExplain(policy: Policy, request: AuditRequest): ExplainedRequest {
  return { request, explanation: explain(policy, request) };
}

/** A JSON line for each; empty lines are passed over. @throws {UserError} at a line that is no request. */
export function* runExplainLines(policy: Policy, lines: Iterable<string>, file?: string): Generator<string> {
  const answer = answerer(policy, file);
  for (const line of lines) {
    const answered = answer(line);
    if (answered !== undefined) yield answered;
  }
}

/** The same for lines that come bit by bit: undefined for an empty one. */
export function answerer(policy: Policy, file?: string): (line: string) => string | undefined {
  const decide = compilePolicy(policy);
  let number = 0;
  return (line) => {
    number++;
    return line.trim() === '' ? undefined : answerLine(decide(parseRequestLine(line, number, file)));
  };
}

export interface ExplainedKubectl {
  requests: (KubectlRequest & ExplainedRequest)[];
  notes: string[];
}

/** @param objects what stands in the files of -f. @throws {UserError} where kubectl would refuse the line. */
export function runExplainKubectl(
  policy: Policy,
  argv: readonly string[],
  who: { user: string | null; groups: readonly string[] },
  objects: readonly FileObject[] = [],
): ExplainedKubectl {
  const { requests, notes } = kubectlRequests(argv, objects);
  return {
    requests: requests.map((one) => ({ ...one, ...runExplain(policy, auditRequest(one.method, one.path, who)) })),
    notes,
  };
}

export function runCoverage(policy: Policy): CoverageRow[] {
  return policyCoverage(policy);
}

/** A log that was replayed, as far as it could be read. */
export interface ReplayedLog {
  path: string;
  /** Bytes of text, after unpacking. */
  bytes: number;
  /** Why the file was not read to its end; absent when it was. */
  problem?: string;
}

/** What feeds recorded logs to a replay, and says which files it could not read to their end. */
export interface ReadLogs<F> {
  (paths: readonly string[], replay: Replay): Promise<F[]>;
}

export async function runReplay<F>(
  policy: Policy,
  paths: readonly string[],
  read: ReadLogs<F>,
  options: ReplayOptions = {},
): Promise<{ result: ReplayResult; files: F[] }> {
  const replay = createReplay(policy, options);
  const files = await read(paths, replay);
  return { result: replay.result(), files };
}
