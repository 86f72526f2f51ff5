/**
 * Whether the log and the policy are where host and container can both use them. The server opens its log inside the
 * container without a word when no volume is mounted there; rotation renames, so it needs the folder, writable.
 */
import type { Finding } from '../finding';
import { flagNames } from '../manifest/audit';
import type { AuditLog } from '../manifest/audit';
import { covers, folderOf, normalPath } from '../manifest/paths';
import { resolveMount } from '../manifest/mounts';
import type { Judge, Judged } from './judged';

export const auditPaths: Judge = (manifest) => [
  ...incomplete(manifest),
  ...logFindings(manifest),
  ...insideManifests(manifest),
];

function incomplete({ audit, server }: Judged): Finding[] {
  const backend = audit.log ?? audit.webhook;
  if ((audit.policy === undefined) === (backend === undefined)) return [];
  const place = server.flags.find(({ name }) => name.startsWith('audit-'))?.place;
  return [
    {
      code: 'audit-incomplete',
      severity: 'warning',
      title: audit.policy
        ? 'a policy is set, but no log and no webhook: auditing is off, without a word from the server'
        : 'a log or webhook is set, but no policy: nothing is ever logged',
      ...(place ? { place } : {}),
      remedy: ['kube-auditctl enable'],
    },
  ];
}

function logFindings(manifest: Judged): Finding[] {
  const { audit, server } = manifest;
  const { log } = audit;
  if (log === undefined || log.containerPath === '-') return [];
  const flag = server.effective(flagNames.logPath);
  const place = flag && { place: flag.valueAt?.place ?? flag.place };
  if (log.containerPath.startsWith('/dev/'))
    return [
      {
        code: 'log-path-is-device',
        severity: 'warning',
        title: `the audit log goes to ${log.containerPath}, which the server rotates as if it were a file`,
        ...place,
        remedy: ['For the standard output: --log-path -', 'For a file: --log-path /var/log/kubernetes/audit/audit.log'],
      },
    ];
  if (log.hostPath === undefined)
    return [
      {
        code: 'log-not-on-host',
        severity: 'error',
        title: `the audit log ${log.containerPath} is written inside the container, and lost when it restarts`,
        detail: 'No volume of the host is mounted at its folder.',
        ...place,
        remedy: [mountLines(log), 'or let the tool do it: kube-auditctl enable'],
      },
    ];
  return [...mountedAsFile(manifest, log), ...readOnly(manifest, log)];
}

function mountedAsFile({ server, doc }: Judged, log: AuditLog): Finding[] {
  const { mount } = log;
  if (mount?.exact !== true) return [];
  return [
    {
      code: 'log-mounted-as-file',
      severity: 'error',
      title: `${log.containerPath} is mounted as a single file: it cannot be rotated`,
      detail:
        'Rotation renames the log, which a mounted file refuses (device or resource busy). From then on events are lost, while the API server looks healthy.',
      place: doc.place([...server.path, 'volumeMounts', mount.index, 'mountPath']),
      remedy: [mountLines(log), 'or let the tool do it: kube-auditctl enable'],
    },
  ];
}

function readOnly({ server, doc }: Judged, log: AuditLog): Finding[] {
  const mount = resolveMount(server, normalPath(`/${log.containerPath}`));
  if (mount?.readOnly !== true) return [];
  return [
    {
      code: 'audit-log-read-only',
      severity: 'error',
      title: `the folder of the audit log is mounted read-only: ${mount.mountPath}`,
      detail: 'The API server would not start: it opens its log for writing.',
      place: doc.place([...server.path, 'volumeMounts', mount.index, 'readOnly']),
      remedy: ['set `readOnly: false` there, or mount the log’s folder by itself, writable'],
    },
  ];
}

/** The kubelet takes every file in its folder for a pod, and says so every twenty seconds. */
function insideManifests({ audit, server, folder }: Judged): Finding[] {
  const files = [
    { name: flagNames.policyFile, path: audit.policy?.hostPath, what: 'the policy' },
    { name: flagNames.logPath, path: audit.log?.hostPath, what: 'the audit log' },
    { name: flagNames.webhookConfig, path: audit.webhook?.hostPath, what: 'the webhook\u2019s kubeconfig' },
  ];
  return files.flatMap(({ name, path, what }): Finding[] => {
    const place = server.effective(name)?.place;
    if (path === undefined || !covers(normalPath(folder), normalPath(path))) return [];
    return [
      {
        code: 'file-inside-manifests',
        severity: 'error',
        title: `${what} must not lie in ${folder}`,
        detail: 'The kubelet takes every file there for a pod.',
        ...(place ? { place } : {}),
        remedy: [`mv ${path} /etc/kubernetes/`, 'and correct the flag, the mount and the volume'],
      },
    ];
  });
}

function mountLines({ containerPath }: AuditLog): string {
  const folder = folderOf(normalPath(`/${containerPath}`));
  return [
    'under volumeMounts and volumes:',
    `- {name: audit-log, mountPath: ${folder}}`,
    `- {name: audit-log, hostPath: {path: ${folder}, type: DirectoryOrCreate}}`,
  ].join('\n');
}
