/**
 * Which lists are merged, and by what: the patchMergeKey and listMapKey marks on the fields of the API's types. Rule: a
 * list that is not named here is replaced as a whole.
 */

export interface MergedList {
  /** The field by which a strategic merge patch finds an item; absent for a list of plain values. */
  key?: string;
  /** The fields by which server-side apply tells items apart; a default stands in for an absent one. */
  identity?: Readonly<Record<string, unknown>>;
}

const by = (key: string, more: Readonly<Record<string, unknown>> = {}): MergedList => ({
  key,
  identity: { [key]: undefined, ...more },
});
const VALUES: MergedList = {};
const CONTAINERS = new Set(['containers', 'initContainers', 'ephemeralContainers']);

const LISTS: Readonly<Record<string, MergedList>> = {
  addresses: by('type'),
  conditions: by('type'),
  containers: by('name'),
  env: by('name'),
  ephemeralContainers: by('name'),
  finalizers: VALUES,
  hostAliases: by('ip'),
  imagePullSecrets: by('name'),
  initContainers: by('name'),
  ownerReferences: by('uid'),
  podCIDRs: VALUES,
  podIPs: by('ip'),
  resourceClaims: by('name'),
  secrets: by('name'),
  taints: { key: 'key', identity: { key: undefined, effect: undefined } },
  topologySpreadConstraints: {
    key: 'topologyKey',
    identity: { topologyKey: undefined, whenUnsatisfiable: undefined },
  },
  volumeDevices: by('devicePath'),
  volumeMounts: by('mountPath'),
  volumes: by('name'),
};

/**
 * @param field the list's name.
 * @param within the name of the field that holds the object (or the list of objects) which the list is a field of.
 */
export function mergedList(field: string, within: string): MergedList | undefined {
  if (field !== 'ports') return Object.hasOwn(LISTS, field) ? LISTS[field] : undefined;
  if (CONTAINERS.has(within)) return by('containerPort', { protocol: 'TCP' });
  return within === 'spec' ? by('port', { protocol: 'TCP' }) : undefined;
}
