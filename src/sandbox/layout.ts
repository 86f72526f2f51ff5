/**
 * Where everything of a sandbox lies, and what its own file says. Rule: a folder with a readable sandbox.json is a whole
 * sandbox; that file comes into being when everything else is there.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UserError } from '../core/errors';
import { shellWord } from '../core/text';
import { TIMINGS } from './timings';

export const FORMAT = 1;

export type Like = keyof typeof TIMINGS;

/** DIR/sandbox.json. */
export interface SandboxFile {
  /** The shape of this file and of the folder. */
  format: typeof FORMAT;
  like: Like;
  /** With the leading v, as image tags have it. */
  kubernetesVersion: string;
  /** Where the API server and etcd listen, on 127.0.0.1. */
  port: number;
  etcdPort: number;
  etcdMetricsPort: number;
  nodeName: string;
  /** ISO 8601. */
  createdAt: string;
  /** The images that this node has, and the program that stands for each. */
  images: Readonly<Record<string, string>>;
}

export interface Layout {
  dir: string;
  file: string;
  /** The root of the node's file system. */
  node: string;
  run: string;
  processes: string;
  listening: string;
  journal: string;
  guards: string;
  users: string;
  /** What the kubelet itself writes on its standard error: nothing, unless it fails. */
  kubeletLog: string;
  /** Held by the `sandbox start` that is at work. */
  startLock: string;
}

export function layoutOf(path: string): Layout {
  const dir = resolve(path);
  const run = join(dir, 'run');
  return {
    dir,
    file: join(dir, 'sandbox.json'),
    node: join(dir, 'node'),
    run,
    processes: join(run, 'processes'),
    listening: join(run, 'listening'),
    journal: join(run, 'journal.jsonl'),
    guards: join(run, 'guards'),
    users: join(dir, 'users'),
    kubeletLog: join(run, 'kubelet.log'),
    startLock: join(run, 'start.json'),
  };
}

/** Undefined when there is nothing, or an empty folder. Throws a UserError when something else lies there, or it is another's. */
export function readSandboxFile(layout: Layout): SandboxFile | undefined {
  let text: string;
  try {
    text = readFileSync(layout.file, 'utf8');
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? ''))
      throw notReadable(layout, error as Error);
    if (isEmpty(layout.dir)) return undefined;
    throw new UserError('sandbox-folder-in-use', `${layout.dir} holds something that is no sandbox`, {
      hints: [`ls -la ${shellWord(layout.dir)}`, 'kube-auditctl sandbox start ANOTHER-FOLDER'],
    });
  }
  requireOwner(layout);
  return parseSandboxFile(text, layout);
}

/** Of another's sandbox the keys and most of what runs cannot be seen: every answer about it would be false. */
function requireOwner(layout: Layout): void {
  const own = process.geteuid?.();
  const { uid } = statSync(layout.file);
  if (own === undefined || own === 0 || own === uid) return;
  throw new UserError('sandbox-not-yours', `the sandbox at ${layout.dir} belongs to another user (uid ${uid})`, {
    hints: ['kube-auditctl sandbox start ANOTHER-FOLDER   makes one of your own'],
  });
}

function parseSandboxFile(text: string, layout: Layout): SandboxFile {
  let value: Partial<Omit<SandboxFile, 'format'>> & { format?: unknown };
  try {
    value = JSON.parse(text) as typeof value;
  } catch (error) {
    throw notReadable(layout, error as Error);
  }
  if (value.format !== FORMAT || typeof value.port !== 'number' || !(String(value.like) in TIMINGS)) {
    throw new UserError('sandbox-unreadable', `${layout.file} was written by another version of kube-auditctl`, {
      hints: [`rm -r ${shellWord(layout.dir)}`, `kube-auditctl sandbox start ${shellWord(layout.dir)}`],
    });
  }
  return value as SandboxFile;
}

function notReadable(layout: Layout, cause: Error): UserError {
  return new UserError('sandbox-unreadable', `${layout.file} cannot be read: ${cause.message}`, {
    hints: [`ls -la ${shellWord(layout.dir)}`],
    cause,
  });
}

function isEmpty(path: string): boolean {
  try {
    if (!statSync(path).isDirectory()) return false;
    return readdirSync(path).length === 0;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}
