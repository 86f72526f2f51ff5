/** How logs are rotated in the field, each as one step. */
import {
  copyFileSync,
  existsSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { gzipSync } from 'node:zlib';

/** As gzip does it: the time stays. */
export function pack(path: string): void {
  writeFileSync(`${path}.gz`, gzipSync(readFileSync(path)));
  const { atime, mtime } = statSync(path);
  utimesSync(`${path}.gz`, atime, mtime);
  unlinkSync(path);
}

const moment = (seconds: number): string => new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString();

/** The name that lumberjack gives a full log. */
export const full = (path: string, at: number): string =>
  path.replace(/\.log$/, `-${moment(at).replaceAll(':', '-').replace('Z', '')}.log`);

export interface Manner {
  /** Number `at` in a row. */
  rotate: (path: string, at: number) => void;
  /** What the one before is subjected to afterwards. */
  later?: (path: string, at: number) => void;
}

export const shift = (path: string, ending = ''): void => {
  for (let at = 60; at > 0; at--)
    if (existsSync(`${path}.${at}${ending}`)) renameSync(`${path}.${at}${ending}`, `${path}.${at + 1}${ending}`);
};
export const create = (path: string, to: string): void => {
  renameSync(path, to);
  writeFileSync(path, '');
};
export const copytruncate = (path: string, to: string): void => {
  copyFileSync(path, to);
  truncateSync(path);
};
const day = (at: number): string =>
  moment(at * 86_400)
    .slice(0, 10)
    .replaceAll('-', '');

export const MANNERS: Record<string, Manner> = {
  lumberjack: { rotate: (path, at) => create(path, full(path, at)) },
  'lumberjack, gzipped afterwards': {
    rotate: (path, at) => create(path, full(path, at)),
    later: (path, at) => pack(full(path, at)),
  },
  'lumberjack, gzipped at once': {
    rotate: (path, at) => {
      create(path, full(path, at));
      pack(full(path, at));
    },
  },
  'logrotate create': {
    rotate: (path) => {
      shift(path);
      create(path, `${path}.1`);
    },
  },
  'logrotate create, compress': {
    rotate: (path) => {
      shift(path, '.gz');
      create(path, `${path}.1`);
      pack(`${path}.1`);
    },
  },
  'logrotate create, delaycompress': {
    rotate: (path) => {
      shift(path, '.gz');
      if (existsSync(`${path}.1`)) renameSync(`${path}.1`, `${path}.2`);
      create(path, `${path}.1`);
      if (existsSync(`${path}.2`)) pack(`${path}.2`);
    },
  },
  'logrotate create, dateext': { rotate: (path, at) => create(path, `${path}-${day(at)}`) },
  'logrotate create, dateext, compress': {
    rotate: (path, at) => {
      create(path, `${path}-${day(at)}`);
      pack(`${path}-${day(at)}`);
    },
  },
  'logrotate create, dateformat': { rotate: (path, at) => create(path, `${path}-20260101-${1_700_000_000 + at}`) },
  'logrotate copytruncate': {
    rotate: (path) => {
      shift(path);
      copytruncate(path, `${path}.1`);
    },
  },
  'logrotate copytruncate, compress': {
    rotate: (path) => {
      shift(path, '.gz');
      copytruncate(path, `${path}.1`);
      pack(`${path}.1`);
    },
  },
  'logrotate copytruncate, dateext': { rotate: (path, at) => copytruncate(path, `${path}-${day(at)}`) },
  'logrotate copytruncate, dateformat, compress': {
    rotate: (path, at) => {
      copytruncate(path, `${path}-20260101-${1_700_000_000 + at}`);
      pack(`${path}-20260101-${1_700_000_000 + at}`);
    },
  },
};
