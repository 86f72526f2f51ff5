/** The questions that everybody asks of an audit log, by name. */
import { UserError } from '../errors';
import type { FilterSpec } from './filter';

export interface LogPreset {
  name: string;
  summary: string;
  /** An event that passes any of these. */
  any: readonly FilterSpec[];
}

const CHANGES = ['create', 'update', 'patch', 'delete', 'deletecollection'];

export const LOG_PRESETS: readonly LogPreset[] = [
  {
    name: 'secrets',
    summary: 'every access to Secrets, and tokens asked for',
    any: [{ resource: ['secrets'] }, { resource: ['serviceaccounts/token'] }],
  },
  {
    name: 'exec',
    summary: 'ways into containers: exec, attach, port-forward, proxy, ephemeral containers',
    any: [
      { resource: ['pods/exec', 'pods/attach', 'pods/portforward', 'pods/proxy', 'services/proxy', 'nodes/proxy'] },
      { resource: ['pods/ephemeralcontainers'], verb: CHANGES },
    ],
  },
  {
    name: 'rbac',
    summary: 'changes of roles and bindings',
    any: [{ resource: ['*.rbac.authorization.k8s.io'], verb: CHANGES }],
  },
  {
    name: 'failed',
    summary: 'requests that were answered with an error, failed logins and panics',
    any: [{ code: ['>=400'] }, { stage: ['Panic'] }],
  },
  {
    name: 'anonymous',
    summary: 'requests without a user: anonymous ones and failed logins',
    any: [{ user: ['system:anonymous', ''] }, { group: ['system:unauthenticated'] }],
  },
  {
    name: 'escalation',
    summary: 'steps to more rights: RBAC changes, impersonation, tokens, certificates, admission, ways into nodes',
    any: [
      { resource: ['*.rbac.authorization.k8s.io'], verb: [...CHANGES, 'escalate', 'bind'] },
      { as: ['!'] },
      { resource: ['serviceaccounts/token'], verb: ['create'] },
      { resource: ['certificatesigningrequests.certificates.k8s.io'], verb: CHANGES },
      {
        resource: ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations', 'mutatingadmissionpolicies'],
        verb: CHANGES,
      },
      { resource: ['pods/exec', 'pods/attach', 'pods/ephemeralcontainers', 'nodes/proxy'] },
    ],
  },
];

/** @throws {UserError} `unknown-log-preset`. */
export function presetNamed(name: string): LogPreset {
  const found = LOG_PRESETS.find((preset) => preset.name === name);
  if (found) return found;
  throw new UserError('unknown-log-preset', `there is no preset ${name} for the log`, {
    hints: [`one of: ${LOG_PRESETS.map((each) => each.name).join(', ')}`],
  });
}
