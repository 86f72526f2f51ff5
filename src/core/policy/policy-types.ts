/**
 * The Go types that a policy file is decoded into: audit.k8s.io/v1, and the server's internal form, which is what a file
 * without an apiVersion is (wrongly) decoded into (apiserver/pkg/apis/audit).
 */
import type { Type } from './schema';

const string: Type = { kind: 'string', go: 'string' };
const bool: Type = { kind: 'bool' };
const strings: Type = { kind: 'list', of: string, go: '[]string' };
const stringMap: Type = { kind: 'map', of: string, go: 'map[string]string' };
const uid: Type = { kind: 'string', go: 'types.UID' };
const named = (go: string): Type => ({ kind: 'string', go });

function struct(name: string, go: string, fields: Record<string, Type>): Type & { kind: 'struct' } {
  return { kind: 'struct', name, go, fields: new Map(Object.entries(fields)) };
}

function list(of: Type, go: string): Type {
  return { kind: 'list', of, go: `[]${go}` };
}

const metadataFields: Record<string, Type> = {
  name: string,
  generateName: string,
  namespace: string,
  selfLink: string,
  uid,
  resourceVersion: string,
  generation: { kind: 'int64' },
  creationTimestamp: { kind: 'time' },
  deletionTimestamp: { kind: 'time' },
  deletionGracePeriodSeconds: { kind: 'int64' },
  labels: stringMap,
  annotations: stringMap,
  ownerReferences: list(
    struct('OwnerReference', 'v1.OwnerReference', {
      apiVersion: string,
      kind: string,
      name: string,
      uid,
      controller: bool,
      blockOwnerDeletion: bool,
    }),
    'v1.OwnerReference',
  ),
  finalizers: strings,
  managedFields: list(
    struct('ManagedFieldsEntry', 'v1.ManagedFieldsEntry', {
      manager: string,
      operation: named('v1.ManagedFieldsOperationType'),
      apiVersion: string,
      time: { kind: 'time' },
      fieldsType: string,
      fieldsV1: { kind: 'any' },
      subresource: string,
    }),
    'v1.ManagedFieldsEntry',
  ),
};

/** The rule's fields, in the names of `audit.k8s.io/v1`; the internal ones only differ in their first letter. */
function policyFields(version: 'v1' | 'audit', rename: (name: string) => string): Record<string, Type> {
  const fields = (plain: Record<string, Type>): Record<string, Type> =>
    Object.fromEntries(Object.entries(plain).map(([name, type]) => [rename(name), type]));
  const stages = list(named(`${version}.Stage`), `${version}.Stage`);
  const groupResources = struct(
    'GroupResources',
    `${version}.GroupResources`,
    fields({ group: string, resources: strings, resourceNames: strings }),
  );
  const rule = struct(
    'PolicyRule',
    `${version}.PolicyRule`,
    fields({
      level: named(`${version}.Level`),
      users: strings,
      userGroups: strings,
      verbs: strings,
      resources: list(groupResources, `${version}.GroupResources`),
      namespaces: strings,
      nonResourceURLs: strings,
      omitStages: stages,
      omitManagedFields: bool,
    }),
  );
  return fields({ rules: list(rule, `${version}.PolicyRule`), omitStages: stages, omitManagedFields: bool });
}

export const policyV1 = struct('Policy', 'v1.Policy', {
  kind: string,
  apiVersion: string,
  metadata: struct('ObjectMeta', 'v1.ObjectMeta', metadataFields),
  ...policyFields('v1', (name) => name),
});

export const policyInternal = struct('Policy', 'audit.Policy', {
  kind: string,
  apiVersion: string,
  ...metadataFields,
  ...policyFields('audit', (name) => (name === 'nonResourceURLs' ? 'NonResourceURLs' : capital(name))),
});

/** Where a misspelt name is looked for: the fields that may stand at a path of a policy. */
export function fieldsAt(path: readonly (string | number)[]): readonly string[] {
  let type: Type | undefined = policyV1;
  for (const step of path) {
    if (type?.kind === 'list' && typeof step === 'number') type = type.of;
    else if (type?.kind === 'struct' && typeof step === 'string') type = type.fields.get(step);
    else return [];
  }
  return type?.kind === 'struct' ? [...type.fields.keys()] : [];
}

function capital(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1);
}
