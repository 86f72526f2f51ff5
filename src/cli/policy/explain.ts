/** `policy explain`: one request, the requests of a kubectl command, or many as JSON lines. */
import type { Command } from 'commander';
import { answerer, runExplain, runExplainKubectl } from '../../change/policy';
import { UserError } from '../../core/errors';
import type { AuditRequest, Policy } from '../../core/policy/types';
import { explainJson, explainText, kubectlJson, kubectlText } from '../../output/policy-explain';
import { globals, styles, type Context } from '../context';
import { loadedPolicy, type VersionFlag } from './input';

export interface ExplainFlags extends VersionFlag {
  requests?: string;
  verb?: string;
  resource?: string;
  url?: string;
  namespace: string;
  name: string;
  user: string;
  group?: string[];
}

const ADMIN = 'kubernetes-admin';

export async function explainRequests(
  context: Context,
  command: Command,
  named: string | undefined,
  words: readonly string[],
  flags: ExplainFlags,
): Promise<void> {
  // Without a policy the first word after -- is the program's name.
  const [name, kubectl] = named === 'kubectl' ? [undefined, [named, ...words]] : [named, words];
  const request = kubectl.length === 0 && flags.requests === undefined ? requestOf(flags) : undefined;
  if (kubectl.length > 0 && (flags.requests ?? flags.verb) !== undefined)
    throw usage('a kubectl command, --requests and --verb exclude each other');
  if (flags.requests === '-' && name === '-') throw usage('the policy and the requests cannot both be standard input');
  const policy = await loadedPolicy(context, command, name, flags);
  const { output } = globals(command);
  const { out } = styles(context, globals(command));
  if (flags.requests !== undefined) await bulk(context, policy, flags.requests);
  else if (request !== undefined) {
    const explained = runExplain(policy, request);
    context.streams.out(output === 'json' ? explainJson(explained) : explainText(explained, out));
  } else {
    const explained = runExplainKubectl(policy, kubectl, whoOf(flags));
    context.streams.out(output === 'json' ? kubectlJson(explained) : kubectlText(explained, out));
  }
  context.exit(0);
}

async function bulk(context: Context, policy: Policy, file: string): Promise<void> {
  const answer = answerer(policy, file === '-' ? 'standard input' : file);
  for await (const lines of context.inputLines(file)) {
    const answers: string[] = [];
    try {
      for (const line of lines) {
        const answered = answer(line);
        if (answered !== undefined) answers.push(answered);
      }
    } finally {
      // What was answered before a bad line is still an answer to the lines before it.
      if (answers.length > 0) context.streams.out(`${answers.join('\n')}\n`);
    }
  }
}

function requestOf(flags: ExplainFlags): AuditRequest {
  const { verb, resource, url: path, namespace, name } = flags;
  if (verb === undefined || (resource ?? path) === undefined)
    throw usage('there is nothing to explain: name a request, a file of requests, or a kubectl command');
  const who = { ...whoOf(flags), verb };
  if (path !== undefined) return { ...who, path };
  const [whole = '', subresource = ''] = (resource ?? '').split(/\/(.*)/s);
  const [plural = '', apiGroup = ''] = whole.split(/\.(.*)/s);
  return { ...who, apiGroup, apiVersion: 'v1', resource: plural, subresource, name, namespace };
}

function whoOf({ user, group }: ExplainFlags): { user: string; groups: readonly string[] } {
  const own = group ?? (user === ADMIN ? ['kubeadm:cluster-admins'] : []);
  const login = user === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated';
  return { user, groups: own.includes(login) ? own : [...own, login] };
}

function usage(message: string): UserError {
  return new UserError('usage', message, {
    hints: [
      'kube-auditctl policy explain policy.yaml --verb get --resource secrets --namespace prod --user alice',
      'kube-auditctl policy explain policy.yaml --requests requests.jsonl',
      'kube-auditctl policy explain policy.yaml -- kubectl exec -it web -n prod -- sh',
    ],
  });
}
