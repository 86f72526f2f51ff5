/**
 * What the kubelet refuses a whole manifest for, and then ends the API server. Only the rules that an edit for auditing is
 * likely to break. Source: pkg/apis/core/validation/validation.go.
 */
import type { Finding } from '../finding';
import { describePath } from '../manifest/document';
import { closest } from '../policy/spelling';
import { isMap } from '../manifest/value';
import type { Path, PlainMap } from '../manifest/value';
import type { Judge, Judged } from './judged';

const HOST_PATH_TYPES = [
  '',
  'DirectoryOrCreate',
  'Directory',
  'FileOrCreate',
  'File',
  'Socket',
  'CharDevice',
  'BlockDevice',
];

export const kubeletRules: Judge = (manifest) => [...volumeRules(manifest), ...mountRules(manifest)];

function volumeRules({ doc }: Judged): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<unknown>();
  doc.list(['spec', 'volumes']).forEach((volume, index) => {
    if (!isMap(volume)) return;
    const path = ['spec', 'volumes', index];
    const refuse = (step: Path, says: string, remedy: string): void => {
      findings.push(refused({ doc }, [...path, ...step], says, remedy));
    };
    const { name } = volume;
    if (typeof name !== 'string' || name === '') refuse(['name'], 'Required value', 'give the volume a name');
    else if (!/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/.test(name))
      refuse(['name'], `Invalid value: "${name}"`, 'use lower-case letters, digits and dashes, at most 63');
    else if (seen.has(name)) refuse(['name'], `Duplicate value: "${name}"`, 'name one of the two volumes otherwise');
    seen.add(name);
    if (!isMap(volume.hostPath)) return;
    const { path: host, type } = volume.hostPath;
    if (typeof host !== 'string' || host === '') refuse(['hostPath', 'path'], 'Required value', 'name a path');
    else if (host.split('/').includes('..'))
      refuse(['hostPath', 'path'], "must not contain '..'", 'write the whole path');
    if (typeof type === 'string' && !HOST_PATH_TYPES.includes(type))
      refuse(
        ['hostPath', 'type'],
        `Unsupported value: "${type}"`,
        `write \`${closest(type, HOST_PATH_TYPES.slice(1)) ?? 'File` or `DirectoryOrCreate'}\``,
      );
  });
  return findings;
}

function mountRules({ doc }: Judged): Finding[] {
  const findings: Finding[] = [];
  const volumes = doc.list(['spec', 'volumes']).filter(isMap);
  const names = volumes.map(({ name }) => name).filter((name) => typeof name === 'string');
  for (const kind of ['initContainers', 'containers']) {
    doc.list(['spec', kind]).forEach((container, at) => {
      if (!isMap(container) || !Array.isArray(container.volumeMounts)) return;
      const paths = new Set<unknown>();
      container.volumeMounts.forEach((mount: unknown, index) => {
        if (!isMap(mount)) return;
        const path = ['spec', kind, at, 'volumeMounts', index];
        findings.push(...mountFindings({ doc }, mount, path, names, paths));
        paths.add(mount.mountPath);
      });
    });
  }
  return findings;
}

function mountFindings(
  manifest: Pick<Judged, 'doc'>,
  { name, mountPath }: PlainMap,
  path: Path,
  names: readonly string[],
  paths: ReadonlySet<unknown>,
): Finding[] {
  const findings = [];
  if (typeof name !== 'string' || !names.includes(name)) {
    const near = typeof name === 'string' ? closest(name, names) : undefined;
    findings.push(
      refused(
        manifest,
        [...path, 'name'],
        `Not found: ${JSON.stringify(name ?? '')}`,
        near === undefined
          ? `add a volume of that name under spec.volumes, or take the mount out`
          : `write \`${near}\`, as the volume is called`,
      ),
    );
  }
  if (typeof mountPath !== 'string' || mountPath === '')
    findings.push(refused(manifest, [...path, 'mountPath'], 'Required value', 'name the path inside the container'));
  else if (paths.has(mountPath))
    findings.push(
      refused(manifest, [...path, 'mountPath'], `Invalid value: "${mountPath}": must be unique`, 'keep one of the two'),
    );
  return findings;
}

function refused({ doc }: Pick<Judged, 'doc'>, path: Path, says: string, remedy: string): Finding {
  return {
    code: 'manifest-invalid',
    severity: 'error',
    title: `the kubelet would refuse the manifest: ${describePath(path)}: ${says}`,
    detail: 'It then ends the API server that runs, and starts none.',
    place: doc.place(path),
    remedy: [remedy],
  };
}
