/** The policy file is not where the server looks: nearly always a missing mount. */
import { newestWords, quoted, type Rule } from '../diagnose';

export const auditPolicyUnreadable: Rule = (scene) => {
  const words = newestWords(scene);
  const match =
    words && /loading audit policy file: failed to read file path \\*"([^"\\]+)\\*": (.*)$/.exec(words.reason);
  if (!match) return undefined;
  const path = match[1] ?? '';
  const folder = /is a directory/.test(match[2] ?? '');
  if (/permission denied/.test(match[2] ?? '')) return { certain: words.gone, finding: denied(path, quoted(words)) };
  const unmounted = scene.facts.policyMounted === false;
  return {
    certain: words.gone,
    finding: {
      code: folder ? 'audit-policy-is-a-folder' : unmounted ? 'audit-policy-not-mounted' : 'audit-policy-missing',
      severity: 'error',
      title: folder
        ? `the audit policy ${path} is a folder inside the container`
        : unmounted
          ? `the audit policy ${path} is not mounted into the API server's container`
          : `the API server finds no audit policy at ${path}`,
      detail: quoted(words),
      remedy: folder
        ? [
            `ls -ld ${scene.facts.policyHostPath ?? path}`,
            'a hostPath that is missing is made as an empty folder unless its type is File: remove the folder, put the file there, set type: File',
          ]
        : unmounted
          ? [
              `add a hostPath volume (type: File) for ${path} and a volumeMount with the same path, readOnly: true`,
              'kube-auditctl enable --policy FILE does both',
            ]
          : [`put the policy at ${scene.facts.policyHostPath ?? path} on the node`],
    },
  };
};

function denied(path: string, detail: string) {
  return {
    code: 'audit-policy-denied',
    severity: 'error' as const,
    title: `the API server may not read the audit policy ${path}`,
    detail,
    remedy: ['ausearch -m avc -ts recent', `ls -lZ ${path}`],
  };
}
