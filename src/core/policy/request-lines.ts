/** Requests as JSON lines, and the answers to them: how other programs ask the engine. */
import { UserError, messageOf } from '../errors';
import type { AuditRequest, Decision } from './types';

/**
 * `{"user","groups","verb","apiGroup","apiVersion","resource","subresource","name","namespace"}`, or `{"user","groups",
 * "verb","path"}`; user null: not authenticated. What is left out is empty.
 * @param number of the line, from 1, for the error's place. @param file for the place, where there is one.
 * @throws {UserError} `bad-request-line`.
 */
export function parseRequestLine(line: string, number: number, file?: string): AuditRequest {
  const refuse = (message: string): never => {
    const place = { ...(file === undefined ? {} : { file }), line: number, column: 1, lineText: line };
    throw new UserError('bad-request-line', message, {
      place,
      hints: [
        '{"user":"alice","groups":["system:authenticated"],"verb":"get","resource":"pods","namespace":"default"}',
      ],
    });
  };
  const value = parse(line, refuse);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse('a request is a JSON object');
  const given = value as Record<string, unknown>;

  const text = (name: string): string => {
    const field = given[name] ?? '';
    return typeof field === 'string' ? field : refuse(`${name} is a string`);
  };
  const { user = null, groups } = given;
  if (user !== null && typeof user !== 'string') return refuse('user is a string, or null for a failed login');
  const list = groups ?? [];
  if (!Array.isArray(list) || !list.every((group): group is string => typeof group === 'string')) {
    return refuse('groups is a list of strings');
  }
  const who = { user, groups: list, verb: text('verb') };
  // Requests for resources have a path too; what names a resource is one.
  if (given['path'] !== undefined && text('resource') === '') return { ...who, path: text('path') };
  return {
    ...who,
    apiGroup: text('apiGroup'),
    apiVersion: text('apiVersion'),
    resource: text('resource'),
    subresource: text('subresource'),
    name: text('name'),
    namespace: text('namespace'),
  };
}

function parse(line: string, refuse: (message: string) => never): unknown {
  try {
    return JSON.parse(line);
  } catch (problem) {
    return refuse(`this is no JSON: ${messageOf(problem)}`);
  }
}

/** `{"level","rule","omitStages","omitManagedFields"}`. */
export function answerLine({ level, rule, omitStages, omitManagedFields }: Decision): string {
  return JSON.stringify({ level, rule, omitStages, omitManagedFields });
}
