/** Which container of the pod runs kube-apiserver, with which arguments, and what follows from them. */
import { UserError } from '../errors';
import type { Place } from '../errors';
import { describePath } from './document';
import type { ManifestDocument } from './document';
import { environmentOf, expand, known } from './expand';
import type { Environment, Pieces } from './expand';
import { parseDuration, parseFlags } from './flags';
import type { Argument, Flag } from './flags';
import { baseName } from './paths';
import { isMap, scalarOf } from './value';
import type { Path, PlainMap } from './value';

export interface Server {
  readonly doc: ManifestDocument;
  /** `['spec', 'containers', n]`. */
  readonly path: Path;
  readonly containerName: string;
  readonly image: string | undefined;
  /** All of `command` and `args`, a wrapper before the server included. */
  readonly argv: readonly Argument[];
  /** Where kube-apiserver stands in argv; -1 when the image's entrypoint starts it. */
  readonly startsAt: number;
  readonly flags: readonly Flag[];
  readonly environment: Environment;
  /** The flag that counts: the last one of that name. */
  effective(name: string): Flag | undefined;
  /** Its value with `$(VAR)` expanded; undefined when absent, alone, or not known from the manifest. */
  effectiveValue(name: string): string | undefined;
}

/** Must equal an argument of the process; null pieces match anything. */
export type ArgPattern = Pieces;

/**
 * Finds the API server in a manifest.
 * @throws UserError `manifest-shell-command`, `manifest-no-server`, `manifest-argument-not-string`.
 */
export function readServer(doc: ManifestDocument): Server {
  const { container, path } = findContainer(doc);
  const argv = [...readArguments(doc, path, 'command'), ...readArguments(doc, path, 'args')];
  const startsAt = findStart(doc, path, argv);
  const flags = parseFlags(argv.slice(startsAt + 1));
  const environment = environmentOf(doc.list([...path, 'env']));
  const effective = (name: string): Flag | undefined => flags.findLast((flag) => flag.name === name);
  return {
    doc,
    path,
    containerName: typeof container.name === 'string' ? container.name : '',
    image: typeof container.image === 'string' ? container.image : undefined,
    argv,
    startsAt,
    flags,
    environment,
    effective,
    effectiveValue(name) {
      const value = effective(name)?.value;
      return value === undefined ? undefined : known(expand(value, environment));
    },
  };
}

/** What the server's process must have been started with, from its own name on, as /proc/PID/cmdline shows it. */
export function expectedArgv(server: Server): ArgPattern[] {
  const own = server.argv.slice(Math.max(0, server.startsAt)).map(({ value }) => expand(value, server.environment));
  return server.startsAt === -1 ? [['kube-apiserver'], ...own] : own;
}

/** Whether a process is the expected server; the program itself is compared by its base name. */
export function matchesArgv(patterns: readonly ArgPattern[], argv: readonly string[]): boolean {
  const [program] = argv;
  if (program === undefined || baseName(program) !== 'kube-apiserver' || argv.length !== patterns.length) return false;
  return patterns.slice(1).every((pattern, index) => matchesPieces(pattern, argv[index + 1] ?? ''));
}

/** Where this node's own API server answers; IPv6 addresses without brackets. */
export function serverEndpoint(server: Server): { host: string; port: number } {
  const specific = (name: string): string | undefined => {
    const address = server.effectiveValue(name)?.replace(/^\[(.*)\]$/, '$1');
    return address === undefined || /^(?:|0\.0\.0\.0|[0:]+)$/.test(address) ? undefined : address;
  };
  const port = Number(server.effectiveValue('secure-port') ?? '');
  return {
    host: specific('bind-address') ?? specific('advertise-address') ?? '127.0.0.1',
    port: Number.isInteger(port) && port > 0 && port < 65536 ? port : 6443,
  };
}

export interface PodIdentity {
  name: string;
  namespace: string;
  /** Set by hand only; it then replaces the kubelet's own. */
  uid: string | undefined;
  annotations: Readonly<Record<string, unknown>>;
}

/** @throws UserError `manifest-no-name`. */
export function podIdentity(doc: ManifestDocument): PodIdentity {
  const metadata = doc.map(['metadata']);
  if (typeof metadata.name !== 'string' || metadata.name === '')
    throw new UserError('manifest-no-name', 'the pod has no metadata.name', {
      place: doc.place(['metadata', 'name']),
      hints: ['Write `name: kube-apiserver` under metadata.'],
    });
  return {
    name: metadata.name,
    namespace: typeof metadata.namespace === 'string' && metadata.namespace !== '' ? metadata.namespace : 'default',
    uid: typeof metadata.uid === 'string' && metadata.uid !== '' ? metadata.uid : undefined,
    annotations: doc.map(['metadata', 'annotations']),
  };
}

/** How long the server may take to stop, in seconds. */
export function shutdownSeconds(server: Server): { delay: number; grace: number } {
  const grace = server.doc.map(['spec']).terminationGracePeriodSeconds;
  return {
    delay: Math.max(0, parseDuration(server.effectiveValue('shutdown-delay-duration') ?? '0') ?? 0),
    grace: typeof grace === 'number' ? grace : 30,
  };
}

function findContainer(doc: ManifestDocument): { container: PlainMap; path: Path } {
  const containers = doc.list(['spec', 'containers']).filter(isMap);
  const runs = (container: PlainMap): boolean =>
    [container.command, container.args]
      .flat()
      .some((word) => typeof word === 'string' && (isServer(word) || /(?:^|[\s/])kube-apiserver\s/.test(word)));
  let index = containers.findIndex(({ name }) => name === 'kube-apiserver');
  if (index === -1) index = containers.findIndex(runs);
  const container = containers[index];
  if (container !== undefined) return { container, path: ['spec', 'containers', index] };
  throw new UserError('manifest-no-server', 'no container of this pod runs kube-apiserver', {
    place: doc.place(['spec', 'containers']),
    hints: ['Is this the right file? The option --manifest FILE names another.'],
  });
}

function readArguments(doc: ManifestDocument, path: Path, list: 'command' | 'args'): Argument[] {
  return doc.list([...path, list]).map((value, index) => {
    const place = (): Place => doc.place([...path, list, index]);
    if (typeof value === 'string' || value === null)
      return {
        value: value ?? '',
        list,
        index,
        get place() {
          return place();
        },
      };
    throw new UserError(
      'manifest-argument-not-string',
      `${describePath([...path, list, index])} is a ${isMap(value) ? 'mapping' : typeof value}, not a string`,
      {
        place: place(),
        hints: isMap(value)
          ? ['A colon followed by a space makes a mapping: put the argument in quotes.']
          : [`The kubelet refuses it: put it in quotes, "${scalarOf(value)}".`],
      },
    );
  });
}

function findStart(doc: ManifestDocument, path: Path, argv: readonly Argument[]): number {
  const start = argv.findIndex(({ value }) => isServer(value));
  const shell = argv.findIndex(({ value }) => /^(?:sh|bash|ash|dash)$/.test(baseName(value)));
  const script = argv.findIndex(({ value }, index) => index > shell && /^-[a-z]*c$/.test(value));
  if (shell !== -1 && script !== -1 && (start === -1 || shell < start))
    throw new UserError('manifest-shell-command', 'kube-apiserver is started by a shell script inside the manifest', {
      place: argv[script + 1]?.place ?? argv[shell]?.place,
      hints: [
        'Its flags are inside a string of shell code, which cannot be changed safely.',
        'Write the command as a list, `command: [kube-apiserver, --flag=value, …]`, without a shell, or add the flags there by hand.',
      ],
    });
  if (start !== -1) return start;
  if (argv[0] === undefined || (argv[0].list === 'args' && argv[0].value.startsWith('-'))) return -1;
  throw new UserError('manifest-no-server', 'the command of this container does not name kube-apiserver', {
    place: doc.place([...path, 'command']),
    hints: ['Its flags can only be found behind an element of `command` or `args` that is kube-apiserver.'],
  });
}

function isServer(word: string): boolean {
  return !word.startsWith('-') && baseName(word) === 'kube-apiserver';
}

/** Literal pieces in order, anything where a piece is null. */
function matchesPieces(pattern: ArgPattern, text: string): boolean {
  // Nearly always: an argument without variables. The watch asks this of every process ten times a second.
  if (pattern.length === 1 && pattern[0] !== null) return pattern[0] === text;
  const source = pattern.map((piece) => (piece === null ? '[\\s\\S]*' : piece.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')));
  return new RegExp(`^${source.join('')}$`).test(text);
}
