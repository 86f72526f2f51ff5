/** `sandbox`: flags in, exit code out. */
import { Argument, Command, Option } from 'commander';
import { UserError } from '../core/errors';
import { shellWord } from '../core/text';
import { missingIn, sandboxText, sandboxUse } from '../output/sandbox';
import { globals, styles, type Context } from './context';
import { port } from './parse';
import { wantedSandbox } from './sandbox-option';

export function sandboxCommand(context: Context): Command {
  const command = new Command('sandbox')
    .summary('a stand-in control plane on this machine')
    .description(
      'A stand-in for a control-plane node on this machine: a kubelet, etcd and an API server as processes of yours, without\n' +
        'root and without containers. Every other command works on it with --sandbox. What is real about it and what is not\n' +
        'is told in docs/sandbox.md.',
    );
  const folder = (): Argument => new Argument('[dir]', 'its folder (default: that of --sandbox, or the default one)');
  const sub = (name: string, summary: string): Command =>
    command.command(name).summary(summary).description(`${summary}.`);

  sub('start', 'make a sandbox, or start the one that is there')
    .addArgument(folder())
    .addOption(
      new Option(
        '--like <version>',
        'which Kubernetes it behaves as: fast (1.36 with the waits cut short), fast-1.20, 1.36, 1.20',
      ),
    )
    .option('--port <number>', 'where its API server listens (default: 6443, or any port when that is taken)', port)
    .action(async (dir: string | undefined, flags: { like?: string; port?: number }, own: Command) => {
      const { options, dir: at, out } = begin(context, own, dir);
      const { was, state } = await (
        await context.sandboxes()
      ).start(at, {
        ...flags,
        signal: context.interrupts.first,
        report: (line) => {
          if (!options.quiet) context.streams.talk(`${line}\n`);
        },
      });
      const suffix = at === context.sandboxDirs.standard ? '' : ` ${shellWord(state.dir)}`;
      if (options.output === 'json') print(context, { command: 'sandbox start', exitCode: 0, was, ...state });
      else {
        const now = context.now();
        const head = was === 'running' ? 'It runs already.\n' : '';
        context.streams.out(`${head}${sandboxText(state, out, now)}${sandboxUse(state, suffix, out)}`);
      }
      context.exit(0);
    });

  sub('stop', 'end everything that runs in the sandbox')
    .addArgument(folder())
    .option('--delete', 'remove its folder too', false)
    .action(async (dir: string | undefined, flags: { delete: boolean }, own: Command) => {
      const { options, dir: at } = begin(context, own, dir);
      const { was, ended } = await (await context.sandboxes()).stop(at, { remove: flags.delete });
      const deleted = flags.delete && was !== 'none';
      if (options.output === 'json') print(context, { command: 'sandbox stop', exitCode: 0, was, ended, deleted });
      else
        context.streams.out(
          was === 'none'
            ? 'There is no sandbox.\n'
            : `${was === 'stopped' ? 'It was stopped already' : `Stopped; ${ended.length} processes ended`}${deleted ? ', its folder removed' : ''}.\n`,
        );
      context.exit(0);
    });

  sub('status', 'whether the sandbox runs; exit code 1 when it does not, or not whole')
    .addArgument(folder())
    .action(async (dir: string | undefined, _flags: object, own: Command) => {
      const { options, dir: at, out } = begin(context, own, dir);
      const state = await (await context.sandboxes()).status(at);
      const exitCode = state.state === 'running' && missingIn(state).length === 0 ? 0 : 1;
      if (options.output === 'json') print(context, { command: 'sandbox status', exitCode, ...state });
      else context.streams.out(sandboxText(state, out, context.now()));
      context.exit(exitCode);
    });

  sub('kubeconfig', "print the administrator's kubeconfig, or a user's")
    .addArgument(folder())
    .option('--user <name>', 'one of its users instead of the administrator')
    .option('--path', 'print where it lies instead of what it says', false)
    .action(async (dir: string | undefined, flags: { user?: string; path: boolean }, own: Command) => {
      const { options, dir: at } = begin(context, own, dir);
      const { path, text } = await (await context.sandboxes()).kubeconfig(at, flags.user);
      if (options.output === 'json')
        print(context, { command: 'sandbox kubeconfig', exitCode: 0, path, kubeconfig: text });
      else context.streams.out(flags.path ? `${path}\n` : text);
      context.exit(0);
    });

  sub('request', 'send a request to its API server, where there is no kubectl; exit code 1 for an error status')
    .addArgument(new Argument('<method>', 'GET, POST, PUT, PATCH or DELETE'))
    .addArgument(new Argument('<path>', 'path and query, e.g. /api/v1/namespaces'))
    .option('--user <name>', 'who asks', 'admin')
    .option('--data <json>', 'the body')
    .option('--type <type>', "the body's: json, merge, strategic, apply, or a media type (default: as the body looks)")
    .action(async (asked: string, path: string, flags: RequestFlags, own: Command) => {
      const { options, dir } = begin(context, own, undefined);
      const method = asked.toUpperCase();
      refuseBadRequest(method, path);
      const { data } = flags;
      const { status, body } = await (
        await context.sandboxes()
      ).request(dir, {
        user: flags.user,
        method,
        path,
        ...(data === undefined ? {} : { body: data, type: mediaType(method, flags.type, data) }),
      });
      const exitCode = status < 400 ? 0 : 1;
      if (options.output === 'json') print(context, { command: 'sandbox request', exitCode, status, body });
      else context.streams.out(options.quiet ? `HTTP ${status}\n` : `${body.trimEnd()}\n`);
      context.exit(exitCode);
    });

  sub('journal', 'print what its kubelet wrote to the journal, as `journalctl -o json` would')
    .addArgument(folder())
    .action(async (dir: string | undefined, _flags: object, own: Command) => {
      const { dir: at } = begin(context, own, dir);
      context.streams.out(await (await context.sandboxes()).journal(at));
      context.exit(0);
    });

  // For tests and for those who know what they do: systemctl start|stop kubelet.
  command
    .command('kubelet', { hidden: true })
    .addArgument(new Argument('<verb>').choices(['start', 'stop']))
    .addArgument(folder())
    .action(async (verb: 'start' | 'stop', dir: string | undefined, _flags: object, own: Command) => {
      const { dir: at } = begin(context, own, dir);
      await (await context.sandboxes()).kubelet(at, verb);
      context.exit(0);
    });
  return command;
}

interface RequestFlags {
  user: string;
  data?: string;
  type?: string;
}

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** What cannot be sent at all must not be told as a server that does not answer. */
function refuseBadRequest(method: string, path: string): void {
  if (!METHODS.includes(method))
    throw new UserError('usage', `${method} is no method of HTTP that the server takes`, {
      hints: [`one of ${METHODS.join(', ')}`],
    });
  if (/^\/[\x21-\x7e]*$/.test(path)) return;
  throw new UserError('usage', `a request's path begins with / and has no blanks: ${path}`, {
    hints: ['kube-auditctl sandbox request GET /api/v1/namespaces'],
  });
}

const PATCH_TYPES: Readonly<Record<string, string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

function mediaType(method: string, wanted: string | undefined, data: string): string {
  if (wanted?.includes('/') === true) return wanted;
  const known = Object.keys(PATCH_TYPES);
  if (wanted !== undefined && (method !== 'PATCH' || !known.includes(wanted)))
    throw new UserError('usage', `--type ${wanted}: a PATCH takes ${known.join(', ')}; everything a media type`);
  if (method !== 'PATCH') return 'application/json';
  return PATCH_TYPES[wanted ?? (data.trimStart().startsWith('[') ? 'json' : 'merge')] ?? '';
}

function begin(context: Context, command: Command, dir: string | undefined) {
  const options = globals(command);
  // The working folder, for whoever's $DIR is unset.
  if (dir === '') throw new UserError('usage', 'the name of the sandbox’s folder is empty');
  const at = dir ?? wantedSandbox(context, command) ?? context.sandboxDirs.standard;
  return { options, dir: at, out: styles(context, options).out };
}

function print(context: Context, document: object): void {
  context.streams.out(`${JSON.stringify(document, null, 2)}\n`);
}
