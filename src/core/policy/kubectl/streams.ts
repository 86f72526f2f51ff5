/** The commands of kubectl that go into containers or read their output. */
import { UserError } from '../../errors';
import type { Command } from './commands';
import type { Target } from './paths';
import { EACH, collectionPath, objectPath, resourceNamed, targetsOf, withQuery } from './paths';
import type { Planner } from './plan';

const pod = (name: string): Target => ({ resource: resourceNamed('pods'), name });

/** The pod that is meant: itself, or one of those that belong to a Deployment, a Service, … */
function podOf(plan: Planner, text: string): Target {
  const [target = pod(text)] = text.includes('/') ? targetsOf([text]) : [pod(text)];
  plan.get(target);
  if (target.resource.name === 'pods') return target;
  plan.add('GET', collectionPath(resourceNamed('pods'), plan.namespace), 'finds a pod of it');
  return pod(EACH);
}

/** Since kubectl 1.31 a stream is opened with GET (WebSocket), and with POST (SPDY) where that is not understood. */
function stream(plan: Planner, target: Target, subresource: string, query: Record<string, string | undefined>): void {
  const path = withQuery(objectPath(target, plan.namespace, subresource), query);
  plan.add('GET', path, 'opens the stream', 'kubectl 1.31 and newer');
  plan.add('POST', path, 'opens the stream', 'older kubectl, or when the first way fails');
  plan.notes.push(
    `The verb of pods/${subresource} is get with kubectl 1.31 and newer, create before: a rule with verbs needs both.`,
  );
}

function first(plan: Planner, what: string): string {
  const [word] = plan.words;
  if (word === undefined) throw new UserError('kubectl-usage', `this command needs ${what}`);
  return word;
}

const exec: Command = (plan) => {
  const target = podOf(plan, first(plan, 'a pod'));
  const [command = plan.words[1]] = plan.args.command;
  stream(plan, target, 'exec', { command, container: plan.flag('container') });
  plan.notes.push(
    'The command is in the request URI, which is logged from level Metadata on; what is typed later is not.',
  );
};

const attach: Command = (plan) => {
  stream(plan, podOf(plan, first(plan, 'a pod')), 'attach', { container: plan.flag('container') });
};

const portForward: Command = (plan) => {
  const target = podOf(plan, first(plan, 'a pod'));
  plan.get(target, 'looks whether it runs');
  stream(plan, target, 'portforward', {});
};

const copy: Command = (plan) => {
  const remote = plan.words.find((word) => word.includes(':'));
  if (remote === undefined) throw new UserError('kubectl-usage', 'one of the two paths must be in a pod: POD:PATH');
  const [place = ''] = remote.split(':');
  const [namespace, name] = place.includes('/') ? place.split('/') : [undefined, place];
  const path = objectPath(pod(name ?? ''), namespace ?? plan.namespace);
  plan.add('GET', path, 'reads the object');
  plan.add('GET', `${path}/exec?command=tar`, 'runs tar in the container', 'kubectl 1.31 and newer');
  plan.add(
    'POST',
    `${path}/exec?command=tar`,
    'runs tar in the container',
    'older kubectl, or when the first way fails',
  );
  plan.notes.push('A copy is an exec of tar: the log shows the path, not what was copied.');
};

const logs: Command = (plan) => {
  const query = { container: plan.flag('container'), follow: plan.has('follow') ? 'true' : undefined };
  const read = (target: Target): void => {
    plan.add('GET', withQuery(objectPath(target, plan.namespace, 'log'), query), 'reads the log');
  };
  if (plan.flag('selector') !== undefined) {
    plan.list(pod(''), {}, 'finds the pods');
    read(pod(EACH));
  } else read(podOf(plan, first(plan, 'a pod, TYPE/NAME or a selector')));
};

const run: Command = (plan) => {
  const name = first(plan, 'a name');
  plan.create(pod(''), 'creates the pod');
  if (plan.has('expose')) plan.create({ resource: resourceNamed('services'), name: '' }, 'creates the Service');
  if (plan.has('attach') || plan.has('stdin')) {
    plan.await(pod(name), 'waits until it runs');
    stream(plan, pod(name), 'attach', {});
  }
  if (plan.has('rm')) plan.change('DELETE', pod(name), 'deletes the pod');
};

const debug: Command = (plan) => {
  const text = first(plan, 'a pod or node/NAME');
  const [target = pod(text)] = text.includes('/') ? targetsOf([text]) : [pod(text)];
  plan.get(target);
  const onNode = target.resource.name === 'nodes';
  if (onNode || plan.flag('copy-to') !== undefined) plan.create(pod(''), 'creates the pod to debug with');
  else plan.change('PATCH', target, 'adds a container to the running pod', 'ephemeralcontainers');
  if (!plan.has('attach') && !plan.has('stdin')) return;
  const shown = onNode ? pod(EACH) : pod(plan.flag('copy-to') ?? target.name);
  plan.await(shown, 'waits until it runs');
  stream(plan, shown, 'attach', {});
};

export const STREAM_COMMANDS: Readonly<Record<string, Command>> = {
  attach,
  cp: copy,
  debug,
  exec,
  logs,
  'port-forward': portForward,
  run,
};
