/** Fields by name, for tables, CSV and `--fields`: short names for what people ask for, paths for everything else. */
import { answerOf, sound, timeOf, whatOf, whoOf, type AuditEvent } from './event';
import { UserError } from '../errors';
import { closest } from '../policy/spelling';
import { FIELDS } from './members';
import { read } from './where/evaluate';
import { parsePath } from './where/parser';

export interface FieldReader {
  name: string;
  /** undefined: the event has no such field. */
  read: (event: AuditEvent) => unknown;
}

const SHORT: Readonly<Record<string, (event: AuditEvent) => unknown>> = {
  time: timeOf,
  user: ({ user }) => user?.username,
  as: ({ impersonatedUser }) => impersonatedUser?.username,
  who: whoOf,
  groups: ({ user }) => user?.groups,
  verb: ({ verb }) => verb,
  what: whatOf,
  resource: ({ objectRef }) => objectRef?.resource,
  subresource: ({ objectRef }) => objectRef?.subresource,
  apigroup: ({ objectRef }) => objectRef?.apiGroup,
  namespace: ({ objectRef }) => objectRef?.namespace,
  name: ({ objectRef }) => objectRef?.name,
  code: ({ responseStatus }) => responseStatus?.code,
  answer: answerOf,
  reason: ({ responseStatus }) => responseStatus?.reason,
  decision: ({ annotations }) => annotations?.['authorization.k8s.io/decision'],
  ip: ({ sourceIPs }) => sourceIPs?.[0],
  ips: ({ sourceIPs }) => sourceIPs,
  agent: ({ userAgent }) => userAgent,
  uri: ({ requestURI }) => requestURI,
  level: ({ level }) => level,
  stage: ({ stage }) => stage,
  id: ({ auditID }) => auditID,
};

/** What the server writes at the top of an event. */
const TOP = new Set([
  ...FIELDS.map((name) => name.split('.', 1)[0] ?? ''),
  'apiVersion',
  'authenticationMetadata',
  'metadata',
]);

/** Of a field that no server writes: what may have been meant; undefined when it is a known one. */
export function unknownField(name: string): { meant: string | undefined } | undefined {
  if (Object.hasOwn(SHORT, name)) return undefined;
  const [root] = parsePath(name);
  if (typeof root !== 'string' || TOP.has(root)) return undefined;
  return { meant: closest(root, [...Object.keys(SHORT), ...TOP]) };
}

/** Whoever names a part of a body asks for it. */
export function isOfBody(name: string): boolean {
  return /^\.?(?:requestObject|responseObject)(?![\w-])/.test(name);
}

/** @throws {UserError} `bad-expression` for what is neither a short name nor a path. */
export function fieldReader(name: string): FieldReader {
  const short = Object.hasOwn(SHORT, name) ? SHORT[name] : undefined;
  if (short !== undefined) return { name, read: (event) => short(sound(event)) };
  const steps = stepsOf(name);
  return {
    name,
    read(event) {
      const values = read({ kind: 'path', steps }, (root) =>
        Object.hasOwn(event, root) ? (event as Record<string, unknown>)[root] : undefined,
      );
      return values.length > 1 ? values : values[0];
    },
  };
}

function stepsOf(name: string): ReturnType<typeof parsePath> {
  try {
    return parsePath(name);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const { place } = error;
    throw new UserError(error.code, error.message.replace('--where', '--fields'), {
      ...(place === undefined ? {} : { place }),
      hints: [
        Object.keys(SHORT).join(', '),
        'user.extra.scopes, annotations["a/b"], requestObject.spec.containers[].image',
      ],
      cause: error,
    });
  }
}

/** A value in one cell. */
export function cellText(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value.join(',');
  return JSON.stringify(value);
}
