/** The policy was read, and the server will not have it. */
import { newestWords, quoted, type Rule } from '../diagnose';

export const auditPolicyRefused: Rule = (scene) => {
  const words = newestWords(scene);
  const match = words && /loading audit policy file: (.*?)(?:: from file (\S+))?$/s.exec(words.reason);
  if (!match) return undefined;
  const path = match[2] ?? scene.facts.policyHostPath ?? scene.facts.policyPath ?? 'the policy';
  return {
    certain: words.gone,
    finding: {
      code: 'audit-policy-refused',
      severity: 'error',
      title: `kube-apiserver refuses the audit policy: ${match[1]}`,
      detail: quoted(words),
      remedy: /no kind "Policy" is registered for version/.test(match[1] ?? '')
        ? [`write apiVersion: audit.k8s.io/v1 in ${path}; older versions were removed in Kubernetes 1.24`]
        : [`correct ${path}, then: kube-auditctl enable --policy ${path}`],
    },
  };
};
