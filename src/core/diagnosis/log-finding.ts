/** An audit log that cannot be written, by what the system said of it. Shared by the watch, doctor and the rehearsal. */

export function logFinding(path: string, reason: string, detail: string): ReturnType<typeof finding> {
  if (/read-only file system/.test(reason)) {
    return finding('audit-log-read-only', `the audit log ${path} is mounted read-only`, detail, [
      'mount the log\u2019s folder without readOnly (or readOnly: false)',
    ]);
  }
  if (/is a directory/.test(reason)) {
    return finding('audit-log-is-a-folder', `the audit log ${path} is a folder`, detail, [
      'let --audit-log-path name a file, and mount the folder it stands in (type: DirectoryOrCreate)',
    ]);
  }
  if (/permission denied/.test(reason)) {
    return finding('audit-log-denied', `the API server may not write the audit log ${path}`, detail, [
      'ausearch -m avc -ts recent',
      'with SELinux, keep the log out of /var/log/audit (auditd\u2019s own): /var/log/kubernetes/audit is fine',
    ]);
  }
  if (/device or resource busy/.test(reason)) {
    return finding('audit-log-mounted-as-file', `the audit log ${path} cannot be rotated`, detail, [
      'mount the log\u2019s folder instead of the single file: rotation renames it',
    ]);
  }
  if (/no space left/.test(reason)) {
    return finding('audit-log-disk-full', `no space is left for the audit log ${path}`, detail, [
      'df -h',
      'kube-auditctl enable --max-size 50 --max-backup 5',
    ]);
  }
  if (/no such file or directory/.test(reason)) {
    return finding('audit-log-folder-missing', `the folder of the audit log ${path} does not exist`, detail, [
      'mount the log\u2019s folder with type: DirectoryOrCreate',
    ]);
  }
  return finding('audit-log-unusable', `the audit log ${path} cannot be written: ${reason}`, detail, [
    'mount the log\u2019s folder writable, type: DirectoryOrCreate',
  ]);
}

function finding(code: string, title: string, detail: string, remedy: string[]) {
  return { code, severity: 'error' as const, title, detail, remedy };
}
