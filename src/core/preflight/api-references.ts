/**
 * What a static pod may not refer to, because only the API knows it: refused by the kubelet since 1.34. Source:
 * pkg/api/pod/util.go (HasAPIObjectReference), pkg/kubelet/config/common.go.
 */
import type { Finding } from '../finding';
import { describePath } from '../manifest/document';
import { isMap } from '../manifest/value';
import type { Path, PlainMap } from '../manifest/value';
import type { Judge } from './judged';

const REFUSED_SINCE = 34;
const VOLUMES = ['configMap', 'secret', 'projected', 'persistentVolumeClaim', 'ephemeral', 'csi'];
const SECRET_REFS = ['secretRef', 'nodePublishSecretRef'];

export const apiReferences: Judge = ({ doc, minor }) => {
  const found: { path: Path; what: string }[] = [];
  const spec = doc.map(['spec']);
  const add = (path: Path, what: string): void => void found.push({ path, what });
  for (const [key, what] of [
    ['serviceAccountName', 'a service account'],
    ['serviceAccount', 'a service account'],
    ['resourceClaims', 'resource claims'],
  ] as const)
    if (given(spec[key])) add(['spec', key], what);
  if (given(spec.imagePullSecrets)) add(['spec', 'imagePullSecrets'], 'a secret');
  doc.list(['spec', 'volumes']).forEach((volume, index) => {
    if (!isMap(volume)) return;
    for (const key of Object.keys(volume)) {
      const source = volume[key];
      if (VOLUMES.includes(key) && given(source) && !isDownward(key, source))
        add(['spec', 'volumes', index, key], `${key} volumes`);
      else if (isMap(source) && SECRET_REFS.some((ref) => given(source[ref])))
        add(['spec', 'volumes', index, key], 'a secret');
    }
  });
  for (const kind of ['initContainers', 'containers'])
    doc.list(['spec', kind]).forEach((container, at) => {
      if (isMap(container)) environment(container, ['spec', kind, at], add);
    });
  return found.map(({ path, what }): Finding => {
    const refused = minor !== undefined && minor >= REFUSED_SINCE;
    return {
      code: 'api-reference',
      severity: refused ? 'error' : 'warning',
      title: `a static pod may not refer to ${what}: ${describePath(path)}`,
      detail: refused
        ? 'The kubelet refuses the whole manifest for it.'
        : `The kubelet refuses it from Kubernetes 1.${REFUSED_SINCE} on; before, the pod waits for what it cannot get while the API is down.`,
      place: doc.place(path),
      remedy: ['put what it holds into a file of this node, and mount that by hostPath'],
    };
  });
};

function environment(container: PlainMap, path: Path, add: (path: Path, what: string) => void): void {
  const lists = [container.env, container.envFrom].map((list) => (Array.isArray(list) ? (list as unknown[]) : []));
  const [env = [], from = []] = lists;
  env.forEach((item, index) => {
    const source = isMap(item) && isMap(item.valueFrom) ? item.valueFrom : {};
    if (given(source.configMapKeyRef)) add([...path, 'env', index], 'a config map');
    if (given(source.secretKeyRef)) add([...path, 'env', index], 'a secret');
  });
  from.forEach((item, index) => {
    if (isMap(item) && given(item.configMapRef)) add([...path, 'envFrom', index], 'a config map');
    if (isMap(item) && given(item.secretRef)) add([...path, 'envFrom', index], 'a secret');
  });
}

/** Of the projected volumes, the pod's own fields are no reference to the API. */
function isDownward(key: string, source: unknown): boolean {
  if (key !== 'projected' || !isMap(source) || !Array.isArray(source.sources)) return false;
  return source.sources.every((each) => isMap(each) && Object.keys(each).every((name) => name === 'downwardAPI'));
}

function given(value: unknown): boolean {
  return value !== undefined && value !== null && value !== '' && !(Array.isArray(value) && value.length === 0);
}
