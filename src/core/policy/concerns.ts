/** What an audit log is asked for after an incident, and how much of it a policy should log. */
import type { Level } from './types';

export type VerbGroup = 'read' | 'write' | 'delete' | 'use';

export const VERB_GROUPS: Readonly<Record<VerbGroup, readonly string[]>> = {
  read: ['get', 'list', 'watch'],
  write: ['create', 'update', 'patch'],
  delete: ['delete', 'deletecollection'],
  use: ['get', 'create'],
};

export interface Concern {
  name: string;
  title: string;
  /** Named in recommendation 3.2.2 of the CIS Kubernetes Benchmark. */
  cis: boolean;
  resources: readonly { group: string; resource: string; subresource?: string }[];
  /** The verbs that matter, and the level that each should have at least. */
  want: Partial<Record<VerbGroup, Level>>;
  /** From this level on the log has contents that do not belong there. */
  leaksFrom?: Level;
  /** Only requests without a login: failed logins have no user, anonymous ones have system:anonymous. */
  who?: 'nobody' | 'anonymous';
}

const core = (...names: string[]) =>
  names.map((name) => {
    const [resource = '', subresource] = name.split('/');
    return { group: '', resource, ...(subresource === undefined ? {} : { subresource }) };
  });
const of = (group: string, ...resources: string[]) => resources.map((resource) => ({ group, resource }));

export const CONCERNS: readonly Concern[] = [
  {
    name: 'secrets',
    title: 'Secrets',
    cis: true,
    resources: core('secrets'),
    want: { read: 'Metadata', write: 'Metadata', delete: 'Metadata' },
    leaksFrom: 'Request',
  },
  {
    name: 'configmaps',
    title: 'ConfigMaps',
    cis: true,
    resources: core('configmaps'),
    want: { read: 'Metadata', write: 'Metadata', delete: 'Metadata' },
    leaksFrom: 'Request',
  },
  {
    name: 'tokenreviews',
    title: 'TokenReviews',
    cis: true,
    resources: of('authentication.k8s.io', 'tokenreviews'),
    want: { write: 'Metadata' },
    leaksFrom: 'Request',
  },
  {
    name: 'token-requests',
    title: 'Tokens of service accounts',
    cis: false,
    resources: core('serviceaccounts/token'),
    want: { use: 'Metadata' },
    leaksFrom: 'RequestResponse',
  },
  { name: 'pods', title: 'Pods', cis: true, resources: core('pods'), want: { write: 'Metadata', delete: 'Metadata' } },
  {
    name: 'workloads',
    title: 'Deployments and other workloads',
    cis: true,
    resources: [
      ...of('apps', 'deployments', 'daemonsets', 'statefulsets', 'replicasets'),
      ...of('batch', 'jobs', 'cronjobs'),
    ],
    want: { write: 'Metadata', delete: 'Metadata' },
  },
  ...['exec', 'attach', 'portforward', 'proxy'].map((subresource): Concern => ({
    name: `pods-${subresource}`,
    title: `pods/${subresource}`,
    cis: subresource !== 'attach',
    resources: core(`pods/${subresource}`),
    want: { use: 'Metadata' },
  })),
  {
    name: 'ephemeral-containers',
    title: 'Containers added to running pods',
    cis: false,
    resources: core('pods/ephemeralcontainers'),
    want: { write: 'Metadata' },
  },
  {
    name: 'services-proxy',
    title: 'services/proxy',
    cis: true,
    resources: core('services/proxy'),
    want: { use: 'Metadata' },
  },
  { name: 'nodes-proxy', title: 'nodes/proxy', cis: false, resources: core('nodes/proxy'), want: { use: 'Metadata' } },
  {
    name: 'rbac',
    title: 'Roles and bindings',
    cis: false,
    resources: of('rbac.authorization.k8s.io', 'roles', 'rolebindings', 'clusterroles', 'clusterrolebindings'),
    want: { write: 'Request', delete: 'Metadata' },
  },
  {
    name: 'service-accounts',
    title: 'Service accounts',
    cis: false,
    resources: core('serviceaccounts'),
    want: { write: 'Metadata', delete: 'Metadata' },
  },
  {
    name: 'certificates',
    title: 'Certificate signing requests',
    cis: false,
    resources: [
      ...of('certificates.k8s.io', 'certificatesigningrequests'),
      { group: 'certificates.k8s.io', resource: 'certificatesigningrequests', subresource: 'approval' },
    ],
    want: { write: 'Metadata' },
  },
  {
    name: 'namespaces',
    title: 'Namespaces',
    cis: false,
    resources: core('namespaces'),
    want: { write: 'Metadata', delete: 'Metadata' },
  },
  {
    name: 'nodes',
    title: 'Nodes',
    cis: false,
    resources: core('nodes'),
    want: { write: 'Metadata', delete: 'Metadata' },
  },
  {
    name: 'admission',
    title: 'Webhooks and admission policies',
    cis: false,
    resources: of(
      'admissionregistration.k8s.io',
      'mutatingwebhookconfigurations',
      'validatingwebhookconfigurations',
      'validatingadmissionpolicies',
      'validatingadmissionpolicybindings',
    ),
    want: { write: 'Metadata', delete: 'Metadata' },
  },
  {
    name: 'api-extensions',
    title: 'Custom resource definitions and API services',
    cis: false,
    resources: [
      ...of('apiextensions.k8s.io', 'customresourcedefinitions'),
      ...of('apiregistration.k8s.io', 'apiservices'),
    ],
    want: { write: 'Metadata', delete: 'Metadata' },
  },
  {
    name: 'network-policies',
    title: 'Network policies',
    cis: false,
    resources: of('networking.k8s.io', 'networkpolicies'),
    want: { write: 'Metadata', delete: 'Metadata' },
  },
  {
    name: 'failed-logins',
    title: 'Failed logins',
    cis: false,
    resources: core('pods', 'secrets'),
    want: { read: 'Metadata', write: 'Metadata' },
    who: 'nobody',
  },
  {
    name: 'anonymous',
    title: 'Anonymous requests',
    cis: false,
    resources: core('pods', 'secrets'),
    want: { read: 'Metadata', write: 'Metadata' },
    who: 'anonymous',
  },
];
