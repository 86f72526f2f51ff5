/** kubectl's names for things, as the paths that it asks for. */
import { UserError } from '../../errors';
import type { ApiResource } from '../resources';
import { findByAnyName } from '../resources';

/** One or all objects of a kind. */
export interface Target {
  resource: ApiResource;
  /** '' for all. */
  name: string;
}

/** Stands for a name that only the cluster knows. */
export const EACH = 'EACH';

/**
 * A resource by kubectl's name for it. Of a group that is not the API server's own, it is taken as it stands, with its
 * group: `certificates.cert-manager.io`, `certificates.v1.cert-manager.io`.
 */
export function resourceNamed(text: string): ApiResource {
  const known = findByAnyName(text);
  if (known !== undefined) return known;
  const match = /^([a-z0-9-]+)\.(?:(v\d+(?:(?:alpha|beta)\d+)?)\.)?([a-z0-9.-]+\.[a-z0-9.-]+)$/i.exec(text);
  if (match === null) {
    throw new UserError('unknown-resource', `no resource is called ${text}`, {
      hints: ['Resources of your own are given with their group: certificates.cert-manager.io'],
    });
  }
  const [, name = '', version = 'v1', group = ''] = match;
  return { group, version, name, kind: name, shortNames: [], namespaced: true, subresources: [] };
}

/** `TYPE [NAME…]`, `TYPE/NAME …`, `TYPE,TYPE`: what a command's words name. */
export function targetsOf(words: readonly string[]): Target[] {
  if (words.some((word) => word.includes('/'))) {
    return words.map((word) => {
      const [type = '', name = ''] = word.split('/');
      return { resource: resourceNamed(type), name };
    });
  }
  const [types = '', ...names] = words;
  const resources = types === 'all' ? ALL.map(resourceNamed) : types.split(',').map(resourceNamed);
  return resources.flatMap((resource) => (names.length === 0 ? [''] : names).map((name) => ({ resource, name })));
}

/** The kinds that kubectl means by `all`. */
const ALL = [
  'pods',
  'services',
  'replicationcontrollers',
  'deployments.apps',
  'replicasets.apps',
  'statefulsets.apps',
  'daemonsets.apps',
  'jobs.batch',
  'cronjobs.batch',
  'horizontalpodautoscalers.autoscaling',
];

/** @param namespace '' for all namespaces; not looked at for what has none. */
export function collectionPath(resource: ApiResource, namespace: string): string {
  const prefix = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const within = resource.namespaced && namespace !== '' ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${prefix}${within}/${resource.name}`;
}

export function objectPath({ resource, name }: Target, namespace: string, subresource = ''): string {
  const below = subresource === '' ? '' : `/${subresource}`;
  return `${collectionPath(resource, namespace)}/${encodeURIComponent(name)}${below}`;
}

export function withQuery(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const pairs = Object.entries(query).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${encodeURIComponent(value)}`],
  );
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`;
}
