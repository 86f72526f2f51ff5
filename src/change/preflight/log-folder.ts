/** Whether the server will be able to write its log where it is to be. */
import type { Finding } from '../../core/finding';
import { folderOf, normalPath } from '../../core/manifest/paths';
import { kubeVersionOf } from '../manifest';
import type { Files } from '../ports';
import { kindAt } from './look';
import type { Check, Subject } from './preflight';

/** Before, the server made no missing folders. Source: the change log of 1.25. */
const MAKES_FOLDERS_SINCE = 25;

export const logFolder: Check = async ({ files }, subject) => {
  const { log } = subject.next.audit;
  if (log?.hostPath === undefined || log.containerPath.startsWith('/dev/')) return [];
  const path = log.hostPath;
  const [kind, auditd, missing] = await Promise.all([
    kindAt(files, path, subject),
    inAuditdFolder(files, path),
    folderMissing(files, subject, path),
  ]);
  const flag = subject.next.server.effective('audit-log-path');
  const place = flag && { place: flag.valueAt?.place ?? flag.place };
  const notAFile: Finding[] =
    kind === 'folder' || kind === 'other'
      ? [
          {
            code: 'log-path-not-a-file',
            severity: 'error',
            title: `${path} exists and is a ${kind}: the log is a file`,
            ...place,
            remedy: [`ls -ld ${path}`, 'name a file: --log-path /var/log/kubernetes/audit/audit.log'],
          },
        ]
      : [];
  return [...notAFile, ...auditd, ...missing];
};

async function inAuditdFolder(files: Files, path: string): Promise<Finding[]> {
  if (!normalPath(path).startsWith('/var/log/audit/')) return [];
  const [auditd, enforcing] = await Promise.all([
    files.look('/etc/audit/auditd.conf').then(Boolean, () => false),
    files.read('/sys/fs/selinux/enforce', 16).then(
      ({ bytes }) => new TextDecoder().decode(bytes).startsWith('1'),
      () => false,
    ),
  ]);
  const same = auditd && path === '/var/log/audit/audit.log';
  return [
    {
      code: 'log-in-auditd-folder',
      severity: same ? 'error' : 'warning',
      title: same
        ? `${path} is the log of the Linux audit daemon, which runs on this node`
        : `${path} lies in the folder of the Linux audit daemon`,
      detail: enforcing
        ? 'SELinux is enforcing here: the API server may not write to auditd_log_t, and would not start. auditd may also rotate the log away.'
        : 'With SELinux the API server may not write there (auditd_log_t), and auditd may rotate it away.',
      remedy: ['--log-path /var/log/kubernetes/audit/audit.log'],
    },
  ];
}

async function folderMissing(files: Files, subject: Subject, path: string): Promise<Finding[]> {
  const { server, audit } = subject.next;
  const version = kubeVersionOf(server);
  const folder = folderOf(path);
  const made = audit.log?.mount?.hostPathType === 'DirectoryOrCreate' && audit.log.mount.hostSource === folder;
  if (version === undefined || version.minor >= MAKES_FOLDERS_SINCE || made) return [];
  if ((await kindAt(files, folder, subject)) !== 'absent') return [];
  return [
    {
      code: 'audit-log-folder-missing',
      severity: 'error',
      title: `the folder of the audit log does not exist: ${folder}`,
      detail: `Kubernetes makes it only from 1.${MAKES_FOLDERS_SINCE} on; ${version.major}.${version.minor} would not start.`,
      remedy: [`mkdir -p -m 700 ${folder}`],
    },
  ];
}
