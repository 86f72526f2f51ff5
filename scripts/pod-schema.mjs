// Writes src/core/manifest/pod-schema.ts and the sandbox's src/sandbox/apiserver/rest/schema.ts from the attribute maps of
// @kubernetes/client-node: node scripts/pod-schema.mjs
// With --check it writes nothing and answers 1 when a file is not what it would write.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';

const require = createRequire(import.meta.url);
const client = require('@kubernetes/client-node');

/** Quantities may be written as numbers; client-node calls them strings. */
const QUANTITIES = new Set([
  'V1PodSpec.overhead',
  'V1ResourceFieldSelector.divisor',
  'V1ResourceRequirements.limits',
  'V1ResourceRequirements.requests',
  'V1EmptyDirVolumeSource.sizeLimit',
  'V1VolumeResourceRequirements.limits',
  'V1VolumeResourceRequirements.requests',
]);
/** Others of them, in what is sent to a server and no pod has. */
const SERVER_QUANTITIES =
  /^V1(?:NodeStatus|ResourceQuota(?:Spec|Status)|LimitRangeItem|PersistentVolume(?:Spec|ClaimStatus)|ContainerStatus|PodStatus)\.(?:capacity|allocatable|hard|used|default|defaultRequest|max|maxLimitRequestRatio|min|allocatedResources)$/;
/** Whatever stands below, the kubelet does not read it from a file. */
const OPAQUE = new Set(['V1PodStatus']);
/** What the sandbox's server stores: group and kind -> type. */
const KINDS = {
  '': 'ConfigMap Endpoints LimitRange Namespace Node PersistentVolume PersistentVolumeClaim Pod ReplicationController ResourceQuota Secret Service ServiceAccount',
  apps: 'ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet',
  batch: 'CronJob Job',
  'coordination.k8s.io': 'Lease',
  'networking.k8s.io': 'Ingress IngressClass NetworkPolicy',
  'rbac.authorization.k8s.io': 'ClusterRole ClusterRoleBinding Role RoleBinding',
};
const ROOTS = {
  '/Event': 'CoreV1Event',
  'events.k8s.io/Event': 'EventsV1Event',
  ...Object.fromEntries(
    Object.entries(KINDS).flatMap(([group, kinds]) =>
      kinds.split(' ').map((kind) => [`${group}/${kind}`, `V1${kind}`]),
    ),
  ),
};

/** @param forServer tells int32 from int64, as the server's messages do, and leaves nothing out. */
function codeOf(type, format, field, forServer) {
  const list = /^Array<(.*)>$/.exec(type);
  if (list) return `[]${codeOf(list[1], format, field, forServer)}`;
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type);
  if (map) return `{}${codeOf(map[1], format, field, forServer)}`;
  if (QUANTITIES.has(field) || (forServer && SERVER_QUANTITIES.test(field))) return 'quantity';
  const simple = { string: 'string', Date: 'string', boolean: 'boolean', IntOrString: 'int-or-string', any: '*' };
  if (simple[type]) return simple[type];
  if (type === 'V1MicroTime') return 'string';
  if (type === 'number') return format.startsWith('int') ? (forServer ? format : 'int') : 'number';
  return !forServer && OPAQUE.has(type) ? '*' : type;
}

function linesOf(roots, forServer) {
  const types = new Map();
  const walk = (name) => {
    if (types.has(name)) return;
    const model = client[name];
    if (!model?.attributeTypeMap) throw new Error(`client-node has no attribute map for ${name}`);
    const fields = model.attributeTypeMap.map(({ baseName, type, format }) => ({
      name: baseName,
      code: codeOf(type, format, `${name}.${baseName}`, forServer),
    }));
    types.set(name, fields);
    for (const { code } of fields) {
      const inner = code.replace(/^(?:\[\]|\{\})*/, '');
      if (/^[A-Z]/.test(inner)) walk(inner);
    }
  };
  roots.forEach(walk);
  return [...types]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, fields]) => `  ${name}: '${fields.map((field) => `${field.name}:${field.code}`).join(' ')}',`)
    .join('\n');
}

const model = require.resolve('@kubernetes/client-node').replace(/[^/]*$/, 'gen/models/V1Pod.js');
const version = /OpenAPI spec version: v1\.(\d+)\./.exec(readFileSync(model, 'utf8'))?.[1];
if (version === undefined) throw new Error('client-node does not say which version of Kubernetes it is made for');

const files = {
  '../src/core/manifest/pod-schema.ts': `/**
 * The fields of a pod, as the attribute maps of @kubernetes/client-node name them: made by scripts/pod-schema.mjs, so that
 * the library, which costs a quarter of a second, need not be loaded to read a manifest strictly. Not to be edited.
 */

/** The minor version of Kubernetes 1 that these fields are of. */
export const SCHEMA_MINOR = ${version};

/** Type -> \`field:type\`, blank between them. \`[]\` is a list of, \`{}\` a mapping to, \`*\` anything. */
export const POD_SCHEMA: Readonly<Record<string, string>> = {
${linesOf(['V1Pod'], false)}
};
`,
  '../src/sandbox/apiserver/rest/schema.ts': `/**
 * The fields of what the sandbox's server stores, as the attribute maps of @kubernetes/client-node (Kubernetes 1.${version})
 * name them: made by scripts/pod-schema.mjs. Not to be edited.
 */

/** Group and kind -> type. */
export const ROOTS: Readonly<Record<string, string>> = {
${Object.entries(ROOTS)
  .map(([kind, type]) => `  '${kind}': '${type}',`)
  .join('\n')}
};

/** Type -> \`field:type\`, blank between them. \`[]\` is a list of, \`{}\` a mapping to, \`*\` anything. */
export const SCHEMA: Readonly<Record<string, string>> = {
${linesOf(Object.values(ROOTS), true)}
};
`,
};
for (const [path, raw] of Object.entries(files)) {
  const target = fileURLToPath(new URL(path, import.meta.url));
  const text = await format(raw, { ...(await resolveConfig(target)), parser: 'typescript' });
  if (!process.argv.includes('--check')) writeFileSync(target, text);
  else if (readFileSync(target, 'utf8') !== text) {
    console.error(`${target} is not what client-node says: node scripts/pod-schema.mjs`);
    process.exitCode = 1;
  }
}
