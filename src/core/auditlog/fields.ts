/** Fields by name, for tables, CSV and `--fields`: short names for what people ask for, paths for everything else. */
import { answerOf, sound, timeOf, whatOf, whoOf, type AuditEvent } from './event';
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

/** @throws {UserError} `bad-expression` for what is neither a short name nor a path. */
export function fieldReader(name: string): FieldReader {
  const short = Object.hasOwn(SHORT, name) ? SHORT[name] : undefined;
  if (short !== undefined) return { name, read: (event) => short(sound(event)) };
  const steps = parsePath(name);
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

/** A value in one cell. */
export function cellText(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'string') return value;
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value.join(',');
  return JSON.stringify(value);
}
