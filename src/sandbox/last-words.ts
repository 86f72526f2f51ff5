/** What the sandbox's programs said last, for when it does not come up. Rule: whatever cannot be read is left out. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Layout } from './layout';

const LINES = 4;

export function lastWords(layout: Layout): string[] {
  const pods = join(layout.node, 'var/log/pods');
  const logs = ['kube-apiserver', 'etcd'].flatMap((name) => newestLog(pods, name) ?? []);
  return [
    ...tail(layout.kubeletLog).map((line) => `kubelet: ${line}`),
    ...tail(layout.journal).map((line) => `journal: ${message(line)}`),
    ...logs.flatMap(({ container, path }) => tail(path).map((line) => `${container}: ${line}`)),
  ];
}

function newestLog(pods: string, container: string): { container: string; path: string } | undefined {
  const paths = names(pods)
    .flatMap((pod) => names(join(pods, pod, container)).map((file) => join(pods, pod, container, file)))
    .sort((a, b) => changed(a) - changed(b));
  const path = paths.at(-1);
  return path === undefined ? undefined : { container, path };
}

function tail(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').trimEnd().split('\n').filter(Boolean).slice(-LINES);
  } catch {
    return [];
  }
}

function message(line: string): string {
  try {
    return String((JSON.parse(line) as { MESSAGE?: unknown }).MESSAGE);
  } catch {
    return line;
  }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function changed(path: string): number {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return 0;
  }
}
