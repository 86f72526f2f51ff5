/** What there is: /api, /apis and below, plain and aggregated (apiserver/pkg/endpoints/discovery). */
import { KINDS, GROUPS } from './kinds/table';
import type { Kind } from './kinds/kind';
import type { Obj } from './value';

/** @returns undefined for a path that is no part of discovery. */
export function discovery(path: string, accept: string, minor: number): { value: Obj; type: string } | undefined {
  const parts = path.replace(/^\/|\/$/g, '').split('/');
  const [root, group, version, more] = parts;
  if (more !== undefined) return undefined;
  if ((root === 'api' || root === 'apis') && parts.length === 1) {
    const aggregated = aggregatedVersion(accept, minor);
    if (aggregated !== undefined) {
      const groups = root === 'api' ? [''] : GROUPS;
      return {
        value: {
          kind: 'APIGroupDiscoveryList',
          apiVersion: `apidiscovery.k8s.io/${aggregated}`,
          metadata: {},
          items: groups.map(aggregatedGroup),
        },
        type: `application/json;g=apidiscovery.k8s.io;v=${aggregated};as=APIGroupDiscoveryList`,
      };
    }
    const plain: Obj =
      root === 'api'
        ? { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] }
        : { kind: 'APIGroupList', apiVersion: 'v1', groups: GROUPS.map(plainGroup) };
    return json(plain);
  }
  if (root === 'api' && parts.length === 2 && group === 'v1') return json(resourceList('', 'v1'));
  if (root !== 'apis' || group === undefined || !GROUPS.includes(group)) return undefined;
  if (version === undefined) return json({ kind: 'APIGroup', apiVersion: 'v1', ...plainGroup(group) });
  return versionsOf(group).includes(version) ? json(resourceList(group, version)) : undefined;
}

function json(value: Obj): { value: Obj; type: string } {
  return { value, type: 'application/json' };
}

/** The aggregated form came with 1.26, its v2 with 1.30; of those that the client takes, the first we have. */
function aggregatedVersion(accept: string, minor: number): 'v2' | 'v2beta1' | undefined {
  for (const clause of accept.split(',')) {
    const parts = clause.split(';').map((part) => part.trim());
    if (parts[0] === 'application/json' && parts.length === 1) return undefined;
    if (!parts.includes('as=APIGroupDiscoveryList') || parts[0] !== 'application/json') continue;
    if (parts.includes('v=v2') && minor >= 30) return 'v2';
    if (parts.includes('v=v2beta1') && minor >= 26) return 'v2beta1';
  }
  return undefined;
}

function versionsOf(group: string): string[] {
  return [...new Set(KINDS.filter((kind) => kind.group === group).map(({ version }) => version))];
}

function plainGroup(group: string): Obj {
  const versions = versionsOf(group).map((version) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions, preferredVersion: versions[0] };
}

function resourceList(group: string, version: string): Obj {
  const kinds = KINDS.filter((kind) => kind.group === group && kind.version === version);
  return {
    kind: 'APIResourceList',
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: group === '' ? version : `${group}/${version}`,
    resources: kinds.flatMap((kind) => [plainResource(kind), ...plainSubresources(kind)]),
  };
}

function plainResource({ resource, singular, namespaced, kind, verbs, shortNames, categories }: Kind): Obj {
  return {
    name: resource,
    singularName: singular,
    namespaced,
    kind,
    verbs,
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
  };
}

function plainSubresources(row: Kind): Obj[] {
  return Object.entries(row.subresources).map(([name, { kind, group, version, verbs }]) => ({
    name: `${row.resource}/${name}`,
    singularName: '',
    namespaced: row.namespaced,
    ...(group === undefined ? {} : { group }),
    ...(version === undefined ? {} : { version }),
    kind,
    verbs,
  }));
}

function aggregatedGroup(group: string): Obj {
  return {
    metadata: group === '' ? {} : { name: group },
    versions: versionsOf(group).map((version) => ({
      version,
      resources: KINDS.filter((kind) => kind.group === group && kind.version === version).map(aggregatedResource),
      freshness: 'Current',
    })),
  };
}

function aggregatedResource(row: Kind): Obj {
  const { resource, group, version, kind, namespaced, singular, verbs, shortNames, categories } = row;
  const subresources = Object.entries(row.subresources).map(([name, part]) => ({
    subresource: name,
    responseKind: { group: part.group ?? group, version: part.version ?? version, kind: part.kind },
    verbs: part.verbs,
  }));
  return {
    resource,
    responseKind: { group, version, kind },
    scope: namespaced ? 'Namespaced' : 'Cluster',
    singularResource: singular,
    verbs,
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
    ...(subresources.length > 0 ? { subresources } : {}),
  };
}
