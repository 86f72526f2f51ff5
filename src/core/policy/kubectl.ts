/**
 * The requests behind a kubectl command line, so that a policy can be asked about them. What kubectl does not know before
 * it has asked the cluster is left open: names from a list are EACH, and conditions are said.
 */
import { UserError } from '../errors';
import { parseArgs } from './kubectl/args';
import type { Command } from './kubectl/commands';
import { OBJECT_COMMANDS } from './kubectl/commands';
import { OTHER_COMMANDS, WITHOUT_DISCOVERY } from './kubectl/others';
import type { FileObject, KubectlPlan, KubectlRequest } from './kubectl/plan';
import { Planner } from './kubectl/plan';
import { STREAM_COMMANDS } from './kubectl/streams';
import { closest } from './spelling';

export type { FileObject, KubectlPlan, KubectlRequest };

const COMMANDS: ReadonlyMap<string, Command> = new Map(
  Object.entries({ ...OBJECT_COMMANDS, ...STREAM_COMMANDS, ...OTHER_COMMANDS }),
);

/**
 * @param argv the command line as words, `kubectl` itself included or not.
 * @param objects what stands in the files given with -f or -k.
 * @throws {UserError} `kubectl-usage`, `unknown-resource` where kubectl itself would refuse.
 */
export function kubectlRequests(argv: readonly string[], objects: readonly FileObject[] = []): KubectlPlan {
  const [program = ''] = argv;
  const args = parseArgs(withSwitches(/^(.*\/)?(kubectl|k|oc)$/.test(program) ? argv.slice(1) : argv));
  const [name = '', ...words] = args.words;
  const command = COMMANDS.get(name);
  if (command === undefined) {
    const meant = closest(name, [...COMMANDS.keys()]);
    throw new UserError('kubectl-usage', `kubectl has no command ${name === '' ? '(none given)' : name}`, {
      hints: meant === undefined ? [] : [`kubectl ${[meant, ...words].join(' ')}`],
    });
  }
  const plan = new Planner(args, words, objects);
  if (!WITHOUT_DISCOVERY.has(name)) plan.requests.push(...DISCOVERY);
  command(plan);
  return { requests: plan.requests, notes: [...new Set([...identityNotes(plan), ...plan.notes])] };
}

const DISCOVERY: readonly KubectlRequest[] = ['/api', '/apis'].map((path) => ({
  method: 'GET',
  path,
  why: 'asks what the server has',
  when: 'when that is not in the cache, which is kept for some hours',
  discovery: true,
}));

/** The same flag can take a value with one command and be a switch with another. */
function withSwitches(argv: readonly string[]): string[] {
  const switches = argv.includes('logs') ? LOGS_SWITCHES : argv.includes('top') ? TOP_SWITCHES : undefined;
  return argv.map((word) => switches?.get(word) ?? word);
}

const LOGS_SWITCHES = new Map([
  ['-f', '--follow'],
  ['-p', '--previous'],
]);
const TOP_SWITCHES = new Map([['--containers', '--containers=true']]);

function identityNotes(plan: Planner): string[] {
  const as = [plan.flag('as'), ...(plan.args.flags.get('as-group') ?? []).map((group) => `group ${group}`)];
  const who = as.filter((text) => text !== undefined);
  if (who.length === 0) return [];
  return [
    `The policy is asked about the user who logs in, not about ${who.join(', ')}: impersonation comes after it. ` +
      'The event names both, in user and impersonatedUser.',
  ];
}
