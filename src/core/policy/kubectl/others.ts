/** The commands of kubectl that create things by name, ask about oneself, or only look at the server. */
import { UserError } from '../../errors';
import type { Command } from './commands';
import { fileCommand } from './files';
import { collectionPath, objectPath, resourceNamed, withQuery } from './paths';

const create: Command = (plan) => {
  const raw = plan.flag('raw');
  if (raw !== undefined) {
    plan.add('POST', raw, 'sends the file to the path as it stands');
    return;
  }
  if (fileCommand(plan, 'create')) return;
  const [type = '', ...words] = plan.words;
  if (type === 'token') {
    const [name = ''] = words;
    const target = { resource: resourceNamed('serviceaccounts'), name };
    plan.add('POST', objectPath(target, plan.namespace, 'token'), 'asks for a token of the service account');
    plan.notes.push('The token is in the answer: at level RequestResponse it gets into the log.');
    return;
  }
  const resource = resourceNamed(CREATED.get(type) ?? type);
  plan.create({ resource, name: '' }, 'creates the object');
  plan.notes.push('A create request has no name in its path: a rule with resourceNames does not match it.');
};

/** Words after `create` that are no names of resources. */
const CREATED: ReadonlyMap<string, string> = new Map(
  Object.entries({ service: 'services', svc: 'services', secret: 'secrets' }),
);

const auth: Command = (plan) => {
  const [action = ''] = plan.words;
  if (action === 'whoami') {
    plan.add('POST', collectionPath(resourceNamed('selfsubjectreviews'), ''), 'asks who one is');
  } else if (action === 'can-i') {
    const review = plan.has('list') ? 'selfsubjectrulesreviews' : 'selfsubjectaccessreviews';
    plan.add('POST', collectionPath(resourceNamed(review), ''), 'asks what one may do');
    plan.notes.push('Asking makes no request of the kind asked about: that one is not logged.');
  } else if (action === 'reconcile') fileCommand(plan, 'apply');
  else throw new UserError('kubectl-usage', `kubectl auth has no ${action}`);
};

const top: Command = (plan) => {
  const [type = '', name = ''] = plan.words;
  const isNode = /^no(des?)?$/.test(type);
  const resource = {
    ...resourceNamed(isNode ? 'nodes' : 'pods'),
    group: 'metrics.k8s.io',
    version: 'v1beta1',
  };
  const path = name === '' ? collectionPath(resource, plan.namespace) : objectPath({ resource, name }, plan.namespace);
  plan.add('GET', withQuery(path, { labelSelector: plan.flag('selector') }), 'reads the metrics');
  if (isNode) plan.add('GET', name === '' ? '/api/v1/nodes' : `/api/v1/nodes/${name}`, 'reads how large the nodes are');
};

const clusterInfo: Command = (plan) => {
  const path = '/api/v1/namespaces/kube-system/services';
  plan.add('GET', withQuery(path, { labelSelector: 'kubernetes.io/cluster-service=true' }), 'finds the services');
};

const version: Command = (plan) => {
  if (!plan.has('client')) plan.add('GET', '/version', 'asks for the version');
};

const explain: Command = (plan) => {
  plan.add('GET', '/openapi/v3', 'reads the description of the API');
};

const nothing: Command = (plan) => {
  plan.notes.push('This command makes no request to the API server.');
};

const discoveryOnly: Command = (plan) => {
  plan.notes.push('This command only asks for discovery.');
};

const proxy: Command = (plan) => {
  plan.notes.push('The proxy makes no request by itself: each that goes through it is made under your name.');
};

const withFiles =
  (action: 'apply' | 'replace' | 'diff'): Command =>
  (plan) => {
    if (!fileCommand(plan, action))
      throw new UserError('kubectl-usage', `kubectl ${action} needs -f FILE or -k FOLDER`);
  };

export const OTHER_COMMANDS: Readonly<Record<string, Command>> = {
  'api-resources': discoveryOnly,
  'api-versions': discoveryOnly,
  apply: withFiles('apply'),
  auth,
  'cluster-info': clusterInfo,
  completion: nothing,
  config: nothing,
  create,
  diff: withFiles('diff'),
  explain,
  help: nothing,
  kustomize: nothing,
  options: nothing,
  plugin: nothing,
  proxy,
  replace: withFiles('replace'),
  top,
  version,
};

/** Commands that do not ask what the server has. */
export const WITHOUT_DISCOVERY = new Set([
  'cluster-info',
  'completion',
  'config',
  'events',
  'help',
  'kustomize',
  'options',
  'plugin',
  'proxy',
  'version',
]);
