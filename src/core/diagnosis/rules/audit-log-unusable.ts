/** The server cannot open its audit log and ends (1.22 and newer; older ones start and lose the events). */
import { newestWords, quoted, type Rule, type Scene } from '../diagnose';

export const auditLogUnusable: Rule = (scene) => {
  const words = newestWords(scene);
  const match = words && /ensureLogFile: (?:open|mkdir|stat) (\S+): (.*)$/.exec(words.reason);
  if (!match) return movedAside(scene);
  return { certain: words.gone, finding: logFinding(match[1] ?? '', match[2] ?? '', quoted(words)) };
};

/** Servers before 1.22 move a folder at the log's path aside, with the logs in it, and write a file there. */
const OWN_WORDS_MS = 1500;

function movedAside(scene: Scene): ReturnType<Rule> {
  const running = scene.running.some(({ startedAt }) => scene.at - startedAt >= OWN_WORDS_MS);
  if (!scene.facts.logWasFolder || !running) return undefined;
  const path = scene.facts.logPath ?? 'the log';
  const detail = `before the change, a folder stood at ${path}; this version of kube-apiserver moves it aside, newer ones do not start`;
  return { certain: true, finding: logFinding(path, 'is a directory', detail) };
}

/** The finding for a log path that cannot be written, by what the system said of it. */
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
