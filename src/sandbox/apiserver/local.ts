/** The paths that the front answers itself: health, version, metrics, what runs. */
import type { Flags } from './flags/parse';
import type { Health, TextAnswer } from './health';
import type { Metrics } from './metrics';
import { methodNotAllowed, type Status } from './status';
import { versionInfo, type ServerVersion } from './version';
import { zpage } from './zpages';

export interface LocalOptions {
  health: Health;
  metrics: Metrics;
  flags: Flags;
  version: ServerVersion;
  startedAt: number;
  /** Milliseconds since the epoch. */
  now: () => number;
}

export type LocalAnswer = TextAnswer | Status;

/** undefined: somebody else's path. */
export type AnswerLocally = (
  method: string,
  path: string,
  query: URLSearchParams,
  accept: string,
) => Promise<LocalAnswer | undefined>;

export function localPaths(options: LocalOptions): AnswerLocally {
  const { health, metrics, version } = options;
  return async (method, path, query, accept) => {
    if (path === '/version' || path === '/version/') {
      return method === 'GET' ? json(versionInfo(version)) : methodNotAllowed();
    }
    if (path === '/metrics') {
      const type = 'text/plain; version=0.0.4; charset=utf-8';
      return { status: 200, text: metrics.text(version.git), type, nosniff: false };
    }
    return zpage(path, accept, options) ?? (await health.answer(path, query));
  };
}

function json(value: unknown): TextAnswer {
  return { status: 200, text: JSON.stringify(value, null, 2), type: 'application/json', nosniff: false };
}
