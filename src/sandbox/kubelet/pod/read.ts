/**
 * From a file's bytes to the static pod that the kubelet runs, or to its words about the file. Source:
 * pkg/kubelet/config/{file,common}.go. Rule: read exactly as leniently as the kubelet does, for that is what makes a
 * misspelt field a server without its policy.
 */
import { createHash } from 'node:crypto';
import { goJson, goQuote } from '../../../core/policy/go-text';
import { looksLikeJson, parseJson } from '../../../core/policy/json-value';
import { decodeText } from '../../../core/policy/text-bytes';
import type { Value } from '../../../core/policy/value';
import { TextProblem, memberOf } from '../../../core/policy/value';
import { parseYaml } from '../../../core/policy/yaml-value';
import { DecodeProblem, decodeGo } from '../../../core/pod/decode';
import { setDefaults } from '../../../core/pod/defaults';
import { apiReference } from './references';
import type { KeyToValue, Pod, PodSpec } from './types';
import { POD } from './types';
import { validatePod } from '../../../core/pod/validate';

export const MAX_MANIFEST_BYTES = 10 * 1024 * 1024;

export interface StaticPod {
  /** 32 hex digits; also the annotation config.hash and the name's end of the pod's log folder. */
  uid: string;
  /** The manifest's name and the node's. */
  name: string;
  namespace: string;
  /** As the node names it. */
  path: string;
  labels: KeyToValue;
  /** The manifest's, and those that the kubelet adds. */
  annotations: KeyToValue;
  /** With the defaults. */
  spec: PodSpec;
}

export interface ReadOptions {
  /** As the node names it. */
  path: string;
  nodeName: string;
  /** Kubernetes' minor version: 36 for 1.36. */
  minor: number;
  /** RFC 3339; becomes the annotation config.seen, and no part of the uid. */
  seen: string;
}

/** The file makes no pod; the message is the kubelet's. */
export class ManifestProblem extends Error {}

/** @throws {ManifestProblem} */
export function readManifest(bytes: Uint8Array, options: ReadOptions): StaticPod {
  const pod = decodePod(bytes, options.path);
  if (pod.metadata.name === undefined || pod.metadata.name === '') {
    throw new ManifestProblem('invalid pod: name is needed for the pod');
  }
  setDefaults(pod);
  const uid = nonEmpty(pod.metadata.uid) ?? uidOf(pod, options);
  const name = `${pod.metadata.name}-${options.nodeName.toLowerCase()}`;
  const errors = validatePod({ ...pod, metadata: { ...pod.metadata, name } }, options.minor);
  if (errors.length > 0) throw new ManifestProblem(`invalid pod: [${errors.join(' ')}]`);
  const reference = options.minor >= 34 ? apiReference(pod.spec) : undefined;
  if (reference !== undefined) throw new ManifestProblem(`static pods may not reference ${reference}`);
  return {
    uid,
    name,
    namespace: pod.metadata.namespace ?? 'default',
    path: options.path,
    labels: pod.metadata.labels ?? {},
    annotations: {
      ...pod.metadata.annotations,
      'kubernetes.io/config.hash': uid,
      'kubernetes.io/config.seen': options.seen,
      'kubernetes.io/config.source': 'file',
    },
    spec: {
      ...pod.spec,
      nodeName: options.nodeName,
      tolerations: [...((pod.spec['tolerations'] ?? []) as unknown[]), { effect: 'NoExecute', operator: 'Exists' }],
    },
  };
}

function decodePod(bytes: Uint8Array, path: string): Pod {
  const refuse = (words: string): ManifestProblem =>
    new ManifestProblem(`${path}: couldn't parse as pod(${words}), please check config file`);
  let json = false;
  try {
    const text = decodeText(bytes);
    json = looksLikeJson(text);
    const { root } = json ? parseJson(text) : parseYaml(text);
    const refusal = kindProblem(root, json ? text : jsonText(root));
    if (refusal !== undefined) throw refuse(refusal);
    const { metadata, spec, status } = decodeGo(root, POD) as Partial<Pod>;
    return { metadata: metadata ?? {}, spec: spec ?? {}, status };
  } catch (problem) {
    if (problem instanceof DecodeProblem) throw refuse(problem.message);
    if (!(problem instanceof TextProblem)) throw problem;
    throw refuse(json ? `couldn't get version/kind; json parse error: ${problem.message}` : problem.message);
  }
}

/** Why these are no pod's apiVersion and kind. Source: apimachinery/pkg/runtime/{error,scheme}.go. */
function kindProblem(root: Value, text: string): string | undefined {
  const missing = (field: string): string => `Object '${field}' is missing in '${text}'`;
  if (root.kind !== 'object' && root.kind !== 'null') {
    const go =
      'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';
    return `couldn't get version/kind; json parse error: json: cannot unmarshal ${root.kind} into Go value of type ${go}`;
  }
  const found: Record<string, string> = {};
  for (const field of ['apiVersion', 'kind']) {
    const value = memberOf(root, field)?.value;
    if (value === undefined || value.kind === 'null') continue;
    if (value.kind !== 'string') {
      return `couldn't get version/kind; json parse error: json: cannot unmarshal ${value.kind} into Go struct field .${field} of type string`;
    }
    found[field] = value.value;
  }
  const { apiVersion = '', kind = '' } = found;
  if (kind === '') return missing('Kind');
  if (apiVersion === '') return missing('apiVersion');
  if (apiVersion.split('/').length > 2) return `unexpected GroupVersion string: ${apiVersion}`;
  if (apiVersion === 'v1' && kind === 'Pod') return undefined;
  const known = KNOWN.get(apiVersion);
  if (known?.kinds.includes(kind)) return `invalid pod: &${known.package}.${kind}{}`;
  return `no kind ${goQuote(kind)} is registered for version ${goQuote(apiVersion)} in scheme "pkg/api/legacyscheme/scheme.go:30"`;
}

/** Kinds that decode well, and are no pods. */
const KNOWN: ReadonlyMap<string, { package: string; kinds: readonly string[] }> = new Map([
  [
    'v1',
    {
      package: 'core',
      kinds: ['ConfigMap', 'Namespace', 'Node', 'PodList', 'PodTemplate', 'Secret', 'Service', 'ServiceAccount'],
    },
  ],
  ['apps/v1', { package: 'apps', kinds: ['DaemonSet', 'Deployment', 'ReplicaSet', 'StatefulSet'] }],
  ['batch/v1', { package: 'batch', kinds: ['CronJob', 'Job'] }],
]);

/** By meaning, node and path: comments, layout and modes are no part of it. Source: pkg/kubelet/config/common.go. */
function uidOf(pod: Pod, { nodeName, path }: ReadOptions): string {
  const { metadata, spec, status } = pod;
  const meaning = canonical({ metadata, spec, ...(isEmpty(status) ? {} : { status }) });
  return createHash('sha256').update(`${meaning}host:${nodeName}file:${path}`).digest('hex').slice(0, 32);
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value).filter(([, inner]) => inner != null);
  fields.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`;
}

function isEmpty(value: unknown): boolean {
  return value == null || (typeof value === 'object' && Object.keys(value).length === 0);
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

/** The file as the JSON that the kubelet makes of it. */
function jsonText(value: Value): string {
  switch (value.kind) {
    case 'null':
      return 'null';
    case 'bool':
      return String(value.value);
    case 'number':
      return value.text;
    case 'string':
      return goJson(value.value);
    case 'array':
      return `[${value.items.map(jsonText).join(',')}]`;
    case 'object':
      return `{${value.members.map(({ key, value: inner }) => `${goJson(key)}:${jsonText(inner)}`).join(',')}}`;
  }
}
