/** Routine requests that fill the log: what a cluster does all the time to stay alive, whoever does anything or not. */
import type { AuditRequest } from '../types';
import type { LintRule } from './context';
import { finding } from './context';
import { ANONYMOUS, OTHER, groupsOf } from './world';

export const noise: LintRule = {
  code: 'noise',
  purpose: 'routine requests that fill the log',
  check(context) {
    const heard = NOISE.filter(({ requests }) => requests.some((request) => context.decide(request).level !== 'None'));
    if (heard.length === 0) return [];
    const first = heard.flatMap(({ requests }) => requests.map((request) => context.decide(request)));
    const rule = first.find(({ level }) => level !== 'None')?.rule ?? 1;
    return [
      finding(context, ['rules', rule - 1], {
        code: 'noise',
        severity: 'info',
        title: `Routine requests are logged: ${heard.map(({ what }) => what).join(', ')}`,
        detail: heard.map(({ what, rate }) => `${what}: ${rate}`).join('\n'),
        remedy: [
          ['put before the rules that log what you can do without:', ...heard.flatMap(({ drop }) => drop)].join('\n'),
        ],
      }),
    ];
  },
};

interface Noise {
  what: string;
  /** How often, by the components' own default intervals. */
  rate: string;
  requests: readonly AuditRequest[];
  drop: readonly string[];
}

function by(user: string, verb: string, what: string, namespace: string): AuditRequest {
  const [apiGroup = '', resource = '', subresource = ''] = what.split(/[ /]/);
  const name = verb === 'watch' || verb === 'create' ? '' : OTHER;
  const groups = groupsOf(user);
  return {
    user,
    groups,
    verb,
    apiGroup: apiGroup === 'core' ? '' : apiGroup,
    apiVersion: 'v1',
    resource,
    subresource,
    name,
    namespace,
  };
}

const NODE = `system:node:${OTHER}`;
const PROXY = 'system:serviceaccount:kube-system:kube-proxy';
const SLICES = 'system:serviceaccount:kube-system:endpointslice-controller';

const NOISE: readonly Noise[] = [
  {
    what: 'health probes',
    rate: 'about one a second from the kubelet of each control-plane node, more behind a load balancer',
    requests: ['/readyz', '/livez', '/healthz'].map((path) => ({ ...ANONYMOUS, verb: 'get', path })),
    drop: ['- level: None', '  nonResourceURLs: [/healthz*, /livez*, /readyz*]'],
  },
  {
    what: 'leases',
    rate: 'one every two seconds for each leader election, one every ten seconds from each node',
    requests: [
      by(NODE, 'update', 'coordination.k8s.io leases', 'kube-node-lease'),
      by('system:kube-scheduler', 'update', 'coordination.k8s.io leases', 'kube-system'),
      by('system:kube-controller-manager', 'update', 'coordination.k8s.io leases', 'kube-system'),
    ],
    drop: ['- level: None', '  resources:', '    - group: coordination.k8s.io', '      resources: [leases]'],
  },
  {
    what: 'events',
    rate: 'several for every start of a pod, and without end for one that keeps failing',
    requests: [by(NODE, 'create', 'core events', OTHER)],
    drop: ['- level: None', '  resources:', '    - group: ""', '      resources: [events]'],
  },
  {
    what: 'events of events.k8s.io',
    rate: 'one for every pod that is scheduled, and for every try',
    requests: [by('system:kube-scheduler', 'create', 'events.k8s.io events', OTHER)],
    drop: ['- level: None', '  resources:', '    - group: events.k8s.io', '      resources: [events]'],
  },
  {
    what: 'node and pod status',
    rate: 'from each node at least every five minutes, and at every change of a pod',
    requests: [by(NODE, 'patch', 'core nodes/status', ''), by(NODE, 'patch', 'core pods/status', OTHER)],
    drop: [
      '- level: None',
      '  userGroups: [system:nodes]',
      '  verbs: [update, patch]',
      '  resources:',
      '    - group: ""',
      '      resources: [nodes/status, pods/status]',
    ],
  },
  {
    what: 'endpoints',
    rate: 'at every change of a pod behind a Service',
    requests: [
      by(SLICES, 'update', 'discovery.k8s.io endpointslices', OTHER),
      by('system:serviceaccount:kube-system:endpoint-controller', 'update', 'core endpoints', OTHER),
    ],
    drop: [
      '- level: None',
      '  userGroups: [system:serviceaccounts:kube-system]',
      '  resources:',
      '    - group: ""',
      '      resources: [endpoints]',
      '    - group: discovery.k8s.io',
      '      resources: [endpointslices]',
    ],
  },
  {
    what: 'watches of kube-proxy',
    rate: 'a few every five to ten minutes from each node',
    requests: [
      by(PROXY, 'watch', 'core services', ''),
      by(PROXY, 'watch', 'discovery.k8s.io endpointslices', ''),
      by('system:kube-proxy', 'watch', 'core services', ''),
    ],
    drop: [
      '- level: None',
      '  users: [system:kube-proxy, system:serviceaccount:kube-system:kube-proxy]',
      '  verbs: [watch]',
    ],
  },
];
