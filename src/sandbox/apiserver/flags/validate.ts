/**
 * What the server finds wrong with flags that pflag has taken (cmd/kube-apiserver/app/options/validation.go and the
 * Validate functions it calls): all of it in one message, in the server's order.
 */
import { goQuote } from '../../../core/policy/go-text';
import { auditProblems } from '../audit/options';
import type { Flags } from './parse';
import { isCidr, splitList } from './values';

/** The joined message; undefined when there is nothing to say. */
export function validationError(flags: Flags, minor: number): string | undefined {
  const range = rangeProblem(flags);
  // Said while options are completed, before any of the others is looked at.
  if (range !== undefined) return range;
  return aggregate([
    ...etcd(flags),
    ...serving(flags),
    ...authentication(flags, minor),
    ...authorization(flags),
    ...auditProblems(flags, minor),
    ...admission(flags),
    ...tokens(flags, minor),
    ...ranges(flags),
  ]);
}

/** As apimachinery's errors.NewAggregate prints a list: one alone, several in brackets, none twice. */
export function aggregate(problems: readonly string[]): string | undefined {
  const unique = [...new Set(problems)];
  return unique.length > 1 ? `[${unique.join(', ')}]` : unique[0];
}

const ADMISSION_PLUGINS = new Set(
  `AlwaysAdmit AlwaysDeny AlwaysPullImages CertificateApproval CertificateSigning CertificateSubjectRestriction
  ClusterTrustBundleAttest DefaultIngressClass DefaultStorageClass DefaultTolerationSeconds DenyServiceExternalIPs
  EventRateLimit ExtendedResourceToleration ImagePolicyWebhook LimitPodHardAntiAffinityTopology LimitRanger
  MutatingAdmissionPolicy MutatingAdmissionWebhook NamespaceAutoProvision NamespaceExists NamespaceLifecycle
  NodeDeclaredFeatureValidator NodeRestriction OwnerReferencesPermissionEnforcement PersistentVolumeClaimResize
  PersistentVolumeLabel PodNodeSelector PodSecurity PodSecurityPolicy PodTolerationRestriction PodTopologyLabels
  Priority ResourceQuota RuntimeClass SecurityContextDeny ServiceAccount StorageObjectInUseProtection
  TaintNodesByCondition ValidatingAdmissionPolicy ValidatingAdmissionWebhook`.split(/\s+/),
);
const AUTHORIZATION_MODES = new Set(['AlwaysAllow', 'AlwaysDeny', 'ABAC', 'Webhook', 'RBAC', 'Node']);

function rangeProblem(flags: Flags): string | undefined {
  const bad = splitList(flags.string('service-cluster-ip-range'))
    .slice(0, 2)
    .findIndex((cidr) => !isCidr(cidr));
  return bad === -1 ? undefined : `service-cluster-ip-range[${bad}] is not a valid cidr`;
}

function etcd(flags: Flags): string[] {
  const problems = flags.has('etcd-servers') ? [] : ['--etcd-servers must be specified'];
  const backend = flags.string('storage-backend');
  if (backend !== '' && backend !== 'etcd3') {
    problems.push(`--storage-backend invalid, allowed values: etcd3. If not specified, it will default to 'etcd3'`);
  }
  return problems;
}

function serving(flags: Flags): string[] {
  const port = flags.integer('secure-port', 6443);
  return port >= 1 && port <= 65535
    ? []
    : [`--secure-port ${port} must be between 1 and 65535, inclusive. It cannot be turned off with 0`];
}

function authentication(flags: Flags, minor: number): string[] {
  const problems: string[] = [];
  if ((flags.string('oidc-issuer-url') === '') !== (flags.string('oidc-client-id') === '')) {
    problems.push('oidc-issuer-url and oidc-client-id should be specified together');
  }
  if (minor < 20) return problems;
  if (flags.list('service-account-issuer').join('') === '') problems.push('service-account-issuer is a required flag');
  if (flags.array('service-account-key-file').length === 0 && flags.string('tls-private-key-file') === '') {
    problems.push('service-account-key-file is a required flag');
  }
  return problems;
}

function authorization(flags: Flags): string[] {
  const modes = flags.list('authorization-mode', ['AlwaysAllow']);
  const problems: string[] = [];
  if (modes.length === 0) problems.push('at least one authorization-mode must be passed');
  for (const mode of modes) {
    if (!AUTHORIZATION_MODES.has(mode)) problems.push(`authorization-mode ${goQuote(mode)} is not a valid mode`);
    if (mode === 'ABAC' && flags.string('authorization-policy-file') === '') {
      problems.push("authorization-mode ABAC's authorization policy file not passed");
    }
    if (mode === 'Webhook' && flags.string('authorization-webhook-config-file') === '') {
      problems.push("authorization-mode Webhook's authorization config file not passed");
    }
  }
  if (flags.string('authorization-policy-file') !== '' && !modes.includes('ABAC')) {
    problems.push('cannot specify --authorization-policy-file without mode ABAC');
  }
  if (flags.string('authorization-webhook-config-file') !== '' && !modes.includes('Webhook')) {
    problems.push('cannot specify --authorization-webhook-config-file without mode Webhook');
  }
  if (new Set(modes).size !== modes.length) {
    const shown = `[${modes.map(goQuote).join(' ')}]`;
    problems.push(`authorization-mode ${shown} has mode specified more than once`);
  }
  return problems;
}

function admission(flags: Flags): string[] {
  const unknown = (flag: string) =>
    flags
      .list(flag)
      .filter((name) => !ADMISSION_PLUGINS.has(name))
      .map((name) => `${flag} plugin ${goQuote(name)} is unknown`);
  return [...unknown('enable-admission-plugins'), ...unknown('disable-admission-plugins')];
}

function tokens(flags: Flags, minor: number): string[] {
  if (minor < 20) return [];
  const signing = flags.string('service-account-signing-key-file') !== '';
  const issuer = flags.list('service-account-issuer').join('') !== '';
  if (!signing && !issuer)
    return ['--service-account-signing-key-file and --service-account-issuer are required flags'];
  return signing && issuer
    ? []
    : [
        '--service-account-signing-key-file, --service-account-issuer, and --api-audiences should be specified together',
      ];
}

function ranges(flags: Flags): string[] {
  const list = splitList(flags.string('service-cluster-ip-range'));
  return list.length > 2 ? ['--service-cluster-ip-range must not contain more than two entries'] : [];
}
