/** The commands of kubectl on objects: what each asks the API server for, in order. */
import type { Target } from './paths';
import { EACH, collectionPath, objectPath, resourceNamed, targetsOf, withQuery } from './paths';
import type { Planner } from './plan';
import { fileCommand } from './files';

export type Command = (plan: Planner) => void;

const get: Command = (plan) => {
  const raw = plan.flag('raw');
  if (raw !== undefined) {
    plan.add('GET', raw, 'reads the path as it stands');
    return;
  }
  if (fileCommand(plan, 'get')) return;
  const watch = plan.has('watch') || plan.has('watch-only');
  for (const target of plan.targets()) {
    if (target.name !== '') plan.get(target);
    else if (!plan.has('watch-only')) plan.list(target, { limit: '500' });
    if (!watch) continue;
    const only = target.name === '' ? {} : { fieldSelector: `metadata.name=${target.name}` };
    plan.list(target, { ...only, watch: 'true' }, 'watches');
  }
};

const describe: Command = (plan) => {
  if (fileCommand(plan, 'get')) return;
  for (const target of plan.found()) {
    plan.get(target);
    if (target.resource.name === 'nodes') {
      plan.add(
        'GET',
        withQuery('/api/v1/pods', { fieldSelector: `spec.nodeName=${target.name}` }),
        'lists the pods of the node',
      );
      plan.add(
        'GET',
        `/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/${target.name}`,
        'reads its heartbeat',
      );
    }
    if (target.resource.name === 'deployments') {
      plan.add('GET', collectionPath(resourceNamed('replicasets'), plan.namespace), 'lists its replica sets');
    }
    const events = collectionPath(resourceNamed('events'), target.resource.namespaced ? plan.namespace : 'default');
    if (plan.flag('show-events') !== 'false') {
      plan.add('GET', withQuery(events, { fieldSelector: `involvedObject.name=${target.name}` }), 'lists its events');
    }
  }
};

const remove: Command = (plan) => {
  const raw = plan.flag('raw');
  if (raw !== undefined) {
    plan.add('DELETE', raw, 'deletes the path as it stands');
    return;
  }
  if (fileCommand(plan, 'delete')) return;
  for (const target of plan.found()) plan.delete(target);
  if (plan.requests.some(({ path }) => path.includes(EACH))) {
    plan.notes.push('kubectl deletes the objects one by one: the verb is delete, not deletecollection.');
  }
};

/** Commands that read an object and send a patch of it. */
function patching(why: string, when?: string): Command {
  return (plan) => {
    if (fileCommand(plan, 'patch')) return;
    // What follows the objects are changes: a=b, a-, c=image.
    const objects = plan.words.filter((word) => !/[=]|.-$/.test(word) || word.includes('/'));
    for (const target of plan.found(objects)) {
      if (target.name !== EACH) plan.get(target);
      if (!plan.has('list') && !plan.has('local')) plan.change('PATCH', target, why, undefined, when);
    }
  };
}

const scale: Command = (plan) => {
  for (const target of plan.found()) {
    if (target.name !== EACH) plan.get(target);
    if (plan.flag('current-replicas') === undefined && plan.flag('resource-version') === undefined) {
      plan.change('PATCH', target, 'sets the number of replicas', 'scale');
    } else {
      plan.add('GET', objectPath(target, plan.namespace, 'scale'), 'reads the number of replicas');
      plan.change('PUT', target, 'sets the number of replicas', 'scale');
    }
  }
};

const autoscale: Command = (plan) => {
  for (const target of plan.found()) plan.get(target);
  plan.create(
    { resource: { ...resourceNamed('horizontalpodautoscalers'), version: 'v1' }, name: '' },
    'creates the autoscaler',
  );
};

const expose: Command = (plan) => {
  for (const target of plan.found()) plan.get(target);
  plan.create({ resource: resourceNamed('services'), name: '' }, 'creates the Service');
};

const rollout: Command = (plan) => {
  const [action = '', ...words] = plan.words;
  for (const target of plan.found(words)) {
    if (target.name !== EACH) plan.get(target);
    const revisions = target.resource.name === 'deployments' ? 'replicasets' : 'controllerrevisions';
    if (action === 'status') plan.await(target, 'follows the rollout');
    else if (action === 'history' || action === 'undo') {
      plan.add('GET', collectionPath(resourceNamed(revisions), plan.namespace), 'lists its revisions');
    }
    if (action === 'undo')
      plan.change('PATCH', target, 'goes back to a revision', '', 'when there is one to go back to');
    if (['restart', 'pause', 'resume'].includes(action)) plan.change('PATCH', target, `${action}s the rollout`);
  }
};

const set: Command = (plan) => {
  const [, ...words] = plan.words;
  const objects = words.filter((word) => !word.includes('='));
  for (const target of plan.found(objects)) {
    if (target.name !== EACH) plan.get(target);
    if (!plan.has('list') && !plan.has('local')) plan.change('PATCH', target, 'sends the change');
  }
};

const onNode =
  (why: string): Command =>
  (plan) => {
    const names = plan.words.filter((word) => !word.includes('=') && !word.endsWith('-'));
    const [first = ''] = names;
    const given = first.includes('/')
      ? targetsOf(names)
      : names.filter((name) => !/^nodes?$|^no$/.test(name)).map(node);
    const targets = given.length > 0 ? given : plan.found(['nodes']);
    for (const target of targets) {
      if (target.name !== EACH) plan.get(target);
      plan.change('PATCH', target, why);
    }
  };

const node = (name: string): Target => ({ resource: resourceNamed('nodes'), name });

const drain: Command = (plan) => {
  onNode('marks it unschedulable')(plan);
  const pod = { resource: resourceNamed('pods'), name: EACH };
  for (const name of plan.words) {
    plan.add(
      'GET',
      withQuery('/api/v1/pods', { fieldSelector: `spec.nodeName=${name}` }),
      'lists the pods of the node',
    );
  }
  const { dryRun } = plan;
  if (dryRun === undefined) return;
  const evict = withQuery(objectPath(pod, EACH, 'eviction'), dryRun);
  if (plan.has('disable-eviction')) plan.add('DELETE', withQuery(objectPath(pod, EACH), dryRun), 'deletes each pod');
  else plan.add('POST', evict, 'evicts each pod');
  plan.add('GET', objectPath(pod, EACH), 'waits until it is gone');
};

const wait: Command = (plan) => {
  if (fileCommand(plan, 'get')) return;
  for (const target of plan.found()) {
    plan.get(target);
    plan.await(target, 'waits for the condition');
  }
};

const certificate: Command = (plan) => {
  for (const name of plan.words.slice(1)) {
    const target = { resource: resourceNamed('certificatesigningrequests'), name };
    plan.get(target);
    plan.change('PUT', target, `${plan.words[0] === 'deny' ? 'denies' : 'approves'} the request`, 'approval');
  }
};

const events: Command = (plan) => {
  plan.list({ resource: resourceNamed('events'), name: '' }, { limit: '500' });
  if (plan.has('watch')) plan.list({ resource: resourceNamed('events'), name: '' }, { watch: 'true' }, 'watches');
};

export const OBJECT_COMMANDS: Readonly<Record<string, Command>> = {
  annotate: patching('sends the annotations'),
  autoscale,
  certificate,
  cordon: onNode('marks it unschedulable'),
  delete: remove,
  describe,
  drain,
  edit: patching('sends the changes', 'when the text was changed'),
  events,
  expose,
  get,
  label: patching('sends the labels'),
  patch: patching('sends the patch'),
  rollout,
  scale,
  set,
  taint: onNode('sends the taints'),
  uncordon: onNode('marks it schedulable'),
  wait,
};
