/** Manifests to go back to: what our changes left, what was before the first of them, and kubeadm's own backups. */
import { FINAL_STATES } from '../core/record';
import type { Backup, NodeSight } from '../core/diagnosis/node-sight';
import { manifestsAside } from './aside';
import { decodeText, describe, MANIFEST_LIMIT } from './manifest';
import type { DoctorOptions } from './doctor';
import type { Ports } from './ports';
import { openStore } from './store';

/** Source: cmd/kubeadm/app/constants (KubernetesDir/tmp, kubeadm-backup-manifests-…). */
const KUBEADM = '/etc/kubernetes/tmp';

/** The best first: newest kept change, kubeadm's newest, the original. Those that are no kube-apiserver pod are left out. */
export async function findBackups(ports: Ports, { manifestPath, stateDir }: DoctorOptions): Promise<Backup[]> {
  const { files } = ports;
  const store = openStore(files, stateDir);
  const { records } = await store.list();
  const kept = records.filter((record) => record.state === 'kept' && record.manifestPath === manifestPath);
  const versions = kept.flatMap((record): Backup[] => {
    const version = record.files.find(({ role }) => role === 'manifest')?.after;
    return version
      ? [
          {
            kind: 'change',
            id: record.id,
            path: `${store.pathOf(record.id)}/${version.copy}`,
            at: Date.parse(record.startedAt),
            sha256: version.sha256,
          },
        ]
      : [];
  });
  const first = kept[0];
  const original = first?.files.find(({ role }) => role === 'manifest')?.before;
  const name = manifestPath.split('/').at(-1) ?? '';
  const kubeadm: Backup[] = [];
  for (const folder of (await files.list(KUBEADM))
    .filter((each) => each.startsWith('kubeadm-backup-manifests'))
    .reverse()) {
    const path = `${KUBEADM}/${folder}/${name}`;
    const entry = await files.look(path);
    if (entry?.kind !== 'file') continue;
    const { bytes } = await files.read(path, MANIFEST_LIMIT);
    kubeadm.push({ kind: 'kubeadm', path, at: entry.mtimeMs, sha256: files.sha256(bytes) });
  }
  const all: Backup[] = [
    ...versions.reverse(),
    ...kubeadm,
    ...(first && original
      ? [
          {
            kind: 'original' as const,
            id: first.id,
            path: `${store.pathOf(first.id)}/${original.copy}`,
            at: Date.parse(first.startedAt),
            sha256: original.sha256,
          },
        ]
      : []),
  ];
  const usable: Backup[] = [];
  for (const backup of all) if (await isManifest(ports, backup)) usable.push(backup);
  return usable;
}

export async function recordSight(
  ports: Ports,
  { manifestPath, stateDir }: DoctorOptions,
): Promise<NodeSight['record']> {
  const { records } = await openStore(ports.files, stateDir).list();
  const own = records.filter((record) => record.manifestPath === manifestPath);
  const unfinished = own.find(({ state }) => !FINAL_STATES.has(state));
  const last = own.findLast(({ state }) => state === 'kept');
  const sha256 = last?.files.find(({ role }) => role === 'manifest')?.after?.sha256;
  const aside = (await manifestsAside(ports.files, manifestPath)).at(-1);
  return {
    ...(aside === undefined ? {} : { aside }),
    ...(unfinished ? { unfinished: unfinished.id } : {}),
    ...(last && sha256 !== undefined ? { lastKept: { id: last.id, sha256 } } : {}),
  };
}

async function isManifest({ files }: Ports, { path, sha256 }: Backup): Promise<boolean> {
  try {
    const { bytes } = await files.read(path, MANIFEST_LIMIT);
    describe(decodeText(bytes, path), path);
    return files.sha256(bytes) === sha256;
  } catch {
    return false;
  }
}
