/** What keeps a policy from being installed: the server would not load it strictly, or Secrets would end in the log. */
import type { Finding } from '../core/finding';
import { secretProbe } from '../core/policy/canary';
import { loadPolicy } from '../core/policy/load';
import type { KubeVersion } from '../core/policy/types';

/** Anybody who may create Secrets: a rule for certain users cannot be told from here. */
const ADMIN = {
  user: 'kubernetes-admin',
  groups: ['kubeadm:cluster-admins', 'system:masters', 'system:authenticated'],
};

/** @param from what the user called it, for the places. */
export function checkPolicy(text: string, from: string, kubeVersion: KubeVersion | undefined): Finding[] {
  const loaded = loadPolicy(text, { file: from, ...(kubeVersion ? { kubeVersion } : {}) });
  if (!loaded.policy) {
    return [refused(loaded.serverMessage ?? 'no audit policy', from, loaded.problems)];
  }
  const findings: Finding[] = [];
  if (loaded.lenient) {
    findings.push({
      code: 'policy-not-strict',
      severity: 'error',
      title: `${from} has a field that the API server does not know, and would drop with a warning`,
      ...(loaded.serverMessage === null ? {} : { detail: loaded.serverMessage }),
      ...placeOf(loaded.problems),
      remedy: ['correct the field: without it the rule matches more than it says', ...remedies(loaded.problems)],
    });
  }
  const secrets = secretProbe(loaded.policy, ADMIN);
  if (secrets.level === 'Request' || secrets.level === 'RequestResponse') {
    findings.push({
      code: 'secrets-in-log',
      severity: 'error',
      title: `${from} logs the values of Secrets: rule ${secrets.rule ?? '?'} takes them at level ${secrets.level}`,
      remedy: [
        'put this rule before it:\n- level: Metadata\n  resources:\n    - group: ""\n      resources: ["secrets", "configmaps", "serviceaccounts/token"]\n    - group: authentication.k8s.io\n      resources: ["tokenreviews"]',
        'or, if that is what you want: --ignore secrets-in-log',
      ],
    });
  }
  if (loaded.policy.rules.every((rule) => rule.level === 'None')) {
    findings.push({
      code: 'policy-logs-nothing',
      severity: 'error',
      title: `${from} logs nothing: every rule has level None`,
      remedy: ['end it with a catch-all:\n- level: Metadata'],
    });
  }
  return findings;
}

function refused(message: string, from: string, problems: readonly Finding[]): Finding {
  return {
    code: 'policy-refused',
    severity: 'error',
    title: `the API server would not start with ${from}: ${message}`,
    ...placeOf(problems),
    remedy: remedies(problems),
  };
}

function placeOf(problems: readonly Finding[]): Pick<Finding, 'place'> {
  const place = problems.find((problem) => problem.place)?.place;
  return place ? { place } : {};
}

function remedies(problems: readonly Finding[]): string[] {
  return problems.flatMap((problem) => problem.remedy);
}
