/**
 * The attributes which the server derives from an HTTP request, and which the audit policy is asked about
 * (apiserver/pkg/endpoints/request/requestinfo.go). They come from method, path and query alone: whether such a
 * resource exists plays no part.
 */
import { UserError } from '../errors';
import type { AuditRequest } from './types';

export type RequestInfo =
  | { isResourceRequest: false; verb: string; path: string }
  | {
      isResourceRequest: true;
      verb: string;
      path: string;
      apiGroup: string;
      apiVersion: string;
      namespace: string;
      resource: string;
      subresource: string;
      name: string;
    };

/**
 * @param method as in the request line, e.g. `GET`.
 * @param target path with an optional query, e.g. `/api/v1/pods?watch=true`; percent-encoding is undone.
 * @throws {UserError} `bad-request-path` where the server answers 400 or 500 before it looks any further.
 */
export function requestInfo(method: string, target: string): RequestInfo {
  const mark = target.indexOf('?');
  const path = decodePath(mark === -1 ? target : target.slice(0, mark));
  const query = parseQuery(mark === -1 ? '' : target.slice(mark + 1));
  const other: RequestInfo = { isResourceRequest: false, verb: method.toLowerCase(), path };

  const parts = path.replace(/^\/+|\/+$/g, '').split('/');
  const [prefix] = parts;
  if (prefix !== 'api' && prefix !== 'apis') return other;
  const skip = prefix === 'api' ? 1 : 2;
  if (parts.length < skip + 2) return other;
  const apiGroup = prefix === 'api' ? '' : (parts[1] ?? '');
  const apiVersion = parts[skip] ?? '';
  let rest = parts.slice(skip + 1);

  let verb = VERBS.get(method) ?? '';
  const special = rest[0] ?? '';
  if (special === 'proxy' || special === 'watch') {
    if (rest.length < 2) {
      throw new UserError('bad-request-path', `unable to determine kind and namespace from url, ${target}`);
    }
    verb = special;
    rest = rest.slice(1);
  }

  let namespace = '';
  if (rest[0] === 'namespaces' && rest.length > 1) {
    namespace = rest[1] ?? '';
    if (rest.length > 2 && rest[2] !== 'status' && rest[2] !== 'finalize') rest = rest.slice(2);
  }
  const resource = rest[0] ?? '';
  let name = rest[1] ?? '';
  const subresource = verb === 'proxy' ? '' : (rest[2] ?? '');

  if (name === '' && verb === 'get') {
    const options = listOptions(query);
    verb = options.watch ? 'watch' : 'list';
    name = options.name;
  }
  if (name === '' && verb === 'delete') verb = 'deletecollection';
  return { isResourceRequest: true, verb, path, apiGroup, apiVersion, namespace, resource, subresource, name };
}

/** The request as the policy is asked about it. */
export function auditRequest(
  method: string,
  target: string,
  who: { user: string | null; groups: readonly string[] },
): AuditRequest {
  const info = requestInfo(method, target);
  const { user, groups } = who;
  if (!info.isResourceRequest) return { user, groups, verb: info.verb, path: info.path };
  const { verb, apiGroup, apiVersion, resource, subresource, name, namespace } = info;
  return { user, groups, verb, apiGroup, apiVersion, resource, subresource, name, namespace };
}

/** Whether the server sends ResponseStarted for it (pkg/controlplane/apiserver/config.go, BasicLongRunningRequestCheck). */
export function isLongRunning(info: RequestInfo): boolean {
  if (!info.isResourceRequest) return info.path.startsWith('/debug/pprof/');
  return LONG_VERBS.has(info.verb) || LONG_SUBRESOURCES.has(info.subresource);
}

const VERBS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    POST: 'create',
    GET: 'get',
    HEAD: 'get',
    PUT: 'update',
    PATCH: 'patch',
    DELETE: 'delete',
  }),
);
const LONG_VERBS = new Set(['watch', 'proxy']);
const LONG_SUBRESOURCES = new Set(['attach', 'exec', 'proxy', 'log', 'portforward']);

function decodePath(path: string): string {
  const decoded = unescape(path, false);
  if (decoded === undefined) throw new UserError('bad-request-path', `invalid URL escape in ${path}`);
  return decoded;
}

/** Malformed pairs are dropped, as Go's URL.Query does. */
function parseQuery(query: string): Map<string, string[]> {
  const values = new Map<string, string[]>();
  for (const pair of query.replace(/#.*$/s, '').split('&')) {
    if (pair === '' || pair.includes(';')) continue;
    const equals = pair.indexOf('=');
    const key = unescape(equals === -1 ? pair : pair.slice(0, equals), true);
    const value = unescape(equals === -1 ? '' : pair.slice(equals + 1), true);
    if (key === undefined || value === undefined) continue;
    values.set(key, [...(values.get(key) ?? []), value]);
  }
  return values;
}

function unescape(text: string, plusIsSpace: boolean): string | undefined {
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return undefined;
  const spaced = plusIsSpace ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    // Bytes that are no UTF-8: Go keeps them, a JavaScript string cannot.
    return spaced.replace(/%([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  }
}

function listOptions(query: Map<string, string[]>): { watch: boolean; name: string } {
  const watch = isTrue(query.get('watch'));
  const badNumber = ['limit', 'timeoutSeconds'].some((key) => {
    const text = query.get(key)?.[0];
    return text !== undefined && !isInt64(text);
  });
  const selector = query.get('fieldSelector')?.[0] ?? '';
  const terms = badNumber ? undefined : parseFieldSelector(selector);
  // One malformed option makes the server forget all of them but watch.
  if (terms === undefined) return { watch, name: '' };
  const name = terms.find((term) => term.field === 'metadata.name' && term.equal)?.value ?? '';
  return { watch, name: name === '.' || name === '..' || /[/%]/.test(name) ? '' : name };
}

function isTrue(values: readonly string[] | undefined): boolean {
  const first = values?.[0];
  return first !== undefined && first.toLowerCase() !== 'false' && first !== '0';
}

function isInt64(text: string): boolean {
  if (!/^[+-]?\d+$/.test(text)) return false;
  const value = BigInt(text.replace(/^\+/, ''));
  return value >= -(2n ** 63n) && value < 2n ** 63n;
}

interface Term {
  field: string;
  equal: boolean;
  value: string;
}

/** `a=b,c!=d` with `\` escaping `\`, `,` and `=`; undefined when it is malformed. */
function parseFieldSelector(selector: string): Term[] | undefined {
  const terms: Term[] = [];
  for (const part of splitTerms(selector)) {
    if (part === '') continue;
    const match = /^(.*?)(!=|==|=)(.*)$/s.exec(part);
    const value = match === null ? undefined : unescapeValue(match[3] ?? '');
    if (match === null || value === undefined) return undefined;
    terms.push({ field: match[1] ?? '', equal: match[2] !== '!=', value });
  }
  return terms;
}

function splitTerms(selector: string): string[] {
  const parts: string[] = [];
  let start = 0;
  for (let at = 0; at < selector.length; at++) {
    if (selector[at] === '\\') at++;
    else if (selector[at] === ',') {
      parts.push(selector.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(selector.slice(start));
  return parts;
}

function unescapeValue(value: string): string | undefined {
  let out = '';
  for (let at = 0; at < value.length; at++) {
    const character = value.charAt(at);
    if (character === '\\') {
      const next = value.charAt(++at);
      if (next !== '\\' && next !== ',' && next !== '=') return undefined;
      out += next;
    } else if (character === ',' || character === '=') return undefined;
    else out += character;
  }
  return out;
}
