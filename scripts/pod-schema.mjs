// Writes src/core/manifest/pod-schema.ts from the attribute maps of @kubernetes/client-node: node scripts/pod-schema.mjs
// With --check it writes nothing and answers 1 when the file is not what it would write.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';

const require = createRequire(import.meta.url);
const client = require('@kubernetes/client-node');
const target = fileURLToPath(new URL('../src/core/manifest/pod-schema.ts', import.meta.url));

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
/** Whatever stands below, the kubelet does not read it from a file. */
const OPAQUE = new Set(['V1PodStatus']);

function codeOf(type, format, field) {
  const list = /^Array<(.*)>$/.exec(type);
  if (list) return `[]${codeOf(list[1], format, field)}`;
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type);
  if (map) return `{}${codeOf(map[1], format, field)}`;
  if (QUANTITIES.has(field)) return 'quantity';
  const simple = { string: 'string', Date: 'string', boolean: 'boolean', IntOrString: 'int-or-string', any: '*' };
  if (simple[type]) return simple[type];
  if (type === 'number') return format.startsWith('int') ? 'int' : 'number';
  return OPAQUE.has(type) ? '*' : type;
}

const types = new Map();
function walk(name) {
  if (types.has(name)) return;
  const model = client[name];
  if (!model?.attributeTypeMap) throw new Error(`client-node has no attribute map for ${name}`);
  const fields = model.attributeTypeMap.map(({ baseName, type, format }) => ({
    name: baseName,
    code: codeOf(type, format, `${name}.${baseName}`),
  }));
  types.set(name, fields);
  for (const { code } of fields) {
    const inner = code.replace(/^(?:\[\]|\{\})*/, '');
    if (/^[A-Z]/.test(inner)) walk(inner);
  }
}
walk('V1Pod');

const model = require.resolve('@kubernetes/client-node').replace(/[^/]*$/, 'gen/models/V1Pod.js');
const version = /OpenAPI spec version: v1\.(\d+)\./.exec(readFileSync(model, 'utf8'))?.[1];
if (version === undefined) throw new Error('client-node does not say which version of Kubernetes it is made for');

const lines = [...types]
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([name, fields]) => `  ${name}: '${fields.map((field) => `${field.name}:${field.code}`).join(' ')}',`);
const text = await format(
  `/**
 * The fields of a pod, as the attribute maps of @kubernetes/client-node name them: made by scripts/pod-schema.mjs, so that
 * the library, which costs a quarter of a second, need not be loaded to read a manifest strictly. Not to be edited.
 */

/** The minor version of Kubernetes 1 that these fields are of. */
export const SCHEMA_MINOR = ${version};

/** Type -> \`field:type\`, blank between them. \`[]\` is a list of, \`{}\` a mapping to, \`*\` anything. */
export const POD_SCHEMA: Readonly<Record<string, string>> = {
${lines.join('\n')}
};
`,
  { ...(await resolveConfig(target)), parser: 'typescript' },
);
if (process.argv.includes('--check')) {
  if (readFileSync(target, 'utf8') !== text) {
    console.error(`${target} is not what client-node says: node scripts/pod-schema.mjs`);
    process.exitCode = 1;
  }
} else writeFileSync(target, text);
