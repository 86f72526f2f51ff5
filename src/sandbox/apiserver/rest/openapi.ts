/**
 * The OpenAPI documents, as far as clients cannot do without: which kinds take dryRun and fieldValidation. No schemas: a
 * client that finds none leaves checking to the server.
 */
import { createHash } from 'node:crypto';
import type { RestResponse } from '../contract';
import { apiVersionOf, type Kind } from './kinds/kind';
import { GROUPS, KINDS } from './kinds/table';
import type { Obj } from './value';

const PARAMETERS = ['dryRun', 'fieldManager', 'fieldValidation', 'force'];

/** @returns undefined for another path. */
export function openapi(path: string, accept: string, gitVersion: string): RestResponse | undefined {
  if (path === '/openapi/v2' || path === '/openapi/v2/') return version2(accept, gitVersion);
  if (path === '/openapi/v3' || path === '/openapi/v3/')
    return { status: 200, body: { json: { paths: version3Index() } } };
  const prefix = '/openapi/v3/';
  if (!path.startsWith(prefix)) return undefined;
  const root = path.slice(prefix.length);
  return Object.hasOwn(version3Index(), root) ? { status: 200, body: { json: version3(root, gitVersion) } } : undefined;
}

function version2(accept: string, gitVersion: string): RestResponse {
  const wish = accept.split(',').find((type) => type.includes('com.github.proto-openapi.spec.v2'));
  if (wish === undefined) return { status: 200, body: { json: version2Json(gitVersion) } };
  const type = wish.includes('v2.v1.0')
    ? 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf'
    : // The type that older clients name is none that Go's own parser takes in an answer.
      'application/octet-stream';
  return { status: 200, body: { bytes: version2Protobuf(gitVersion), type } };
}

const INFO = { title: 'Kubernetes' };

function version2Json(gitVersion: string): Obj {
  const paths = patchable().map((kind) => {
    const parameters = PARAMETERS.map((name) => ({ name, in: 'query', type: 'string', uniqueItems: true }));
    const operation = {
      parameters,
      responses: { '200': { description: 'OK' } },
      'x-kubernetes-action': 'patch',
      'x-kubernetes-group-version-kind': gvk(kind),
    };
    return [pathOf(kind), { patch: operation }];
  });
  const info = { ...INFO, version: gitVersion };
  return { swagger: '2.0', info, paths: Object.fromEntries(paths) as Obj, definitions: {} };
}

function version3Index(): Record<string, Obj> {
  const roots = ['api/v1', ...GROUPS.map((group) => `apis/${group}/v1`)];
  return Object.fromEntries(
    roots.map((root) => {
      const hash = createHash('sha256')
        .update(JSON.stringify(version3(root, '')))
        .digest('hex')
        .toUpperCase();
      return [root, { serverRelativeURL: `/openapi/v3/${root}?hash=${hash}` }];
    }),
  );
}

function version3(root: string, gitVersion: string): Obj {
  const kinds = patchable().filter((kind) => pathOf(kind).startsWith(`/${root}/`));
  const paths = kinds.map((kind) => {
    const parameters = PARAMETERS.map((name) => ({ name, in: 'query', schema: { type: 'string', uniqueItems: true } }));
    const operation = {
      parameters,
      responses: { '200': { description: 'OK' } },
      'x-kubernetes-action': 'patch',
      'x-kubernetes-group-version-kind': gvk(kind),
    };
    return [pathOf(kind), { patch: operation }];
  });
  const info = { ...INFO, version: gitVersion };
  return { openapi: '3.0.0', info, paths: Object.fromEntries(paths) as Obj, components: { schemas: {} } };
}

function patchable(): Kind[] {
  return KINDS.filter(({ verbs }) => verbs.includes('patch'));
}

function gvk({ group, version, kind }: Kind): Obj {
  return { group, kind, version };
}

function pathOf(kind: Kind): string {
  const root = kind.group === '' ? '/api/' : '/apis/';
  return `${root}${apiVersionOf(kind)}/${kind.namespaced ? 'namespaces/{namespace}/' : ''}${kind.resource}/{name}`;
}

/** The same in protobuf, field numbers as in gnostic's OpenAPIv2.proto: kubectl before 1.27 asks for no other form. */
function version2Protobuf(gitVersion: string): Uint8Array {
  const parameters = PARAMETERS.map((name) => {
    const query = message([2, 'query'], [4, name], [6, 'string']);
    return message([1, message([2, message([3, query])])]);
  });
  const paths = patchable().map((kind) => {
    const { group, version, kind: name } = kind;
    const yaml = `group: ${JSON.stringify(group)}\nkind: ${name}\nversion: ${version}\n`;
    const extension = message([1, 'x-kubernetes-group-version-kind'], [2, message([2, yaml])]);
    const operation = message(...parameters.map((bytes): Field => [8, bytes]), [13, extension]);
    return message([1, pathOf(kind)], [2, message([8, operation])]);
  });
  const info = message([1, INFO.title], [2, gitVersion]);
  return message([1, '2.0'], [2, info], [8, message(...paths.map((bytes): Field => [2, bytes]))]);
}

type Field = [number: number, value: string | Uint8Array];

function message(...fields: readonly Field[]): Uint8Array {
  return Buffer.concat(
    fields.flatMap(([number, value]) => {
      const bytes = typeof value === 'string' ? Buffer.from(value) : value;
      return [varint((number << 3) | 2), varint(bytes.length), bytes];
    }),
  );
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}
