/**
 * Asks /readyz ten times a second. Rule: one question at a time, each over a connection of its own; a question that fails
 * is a sample, not an error.
 */
import { messageOf, UserError } from '../core/errors';
import type { HealthSample } from '../core/evidence';
import type { Endpoint } from '../change/ports';
import { ask } from './api';
import { sleep } from './clock';
import type { Access } from './kubeconfig';

const PERIOD_MS = 100;
const TIMEOUT_MS = 5000;
/** More than a minute and a half without a look. */
const MAX_SAMPLES = 1000;

export interface HealthPoller {
  /** The samples since the last call, oldest first. */
  drain(): HealthSample[];
  close(): Promise<void>;
}

/** `access` tells by rejecting why the server cannot be asked; it is asked for again then. */
export function pollHealth(
  endpoint: Endpoint,
  access: () => Promise<Access>,
  { periodMs = PERIOD_MS, timeoutMs = TIMEOUT_MS } = {},
): HealthPoller {
  const samples: HealthSample[] = [];
  const closing = new AbortController();

  const poll = async () => {
    while (!closing.signal.aborted) {
      const begun = Date.now();
      const sample = await probe(endpoint, access, timeoutMs, closing.signal);
      if (closing.signal.aborted) return;
      samples.push(sample);
      if (samples.length > MAX_SAMPLES) samples.shift();
      await sleep(begun + periodMs - Date.now(), closing.signal);
    }
  };
  const polling = poll();

  return {
    drain: () => samples.splice(0),
    async close() {
      closing.abort();
      await polling;
    },
  };
}

async function probe(
  endpoint: Endpoint,
  access: () => Promise<Access>,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<HealthSample> {
  try {
    const { status, body } = await ask(endpoint, await access(), {
      method: 'GET',
      path: '/readyz?verbose',
      timeoutMs,
      signal,
    });
    const at = Date.now();
    return status === 200 ? { at, state: 'ok', status } : { at, state: 'not-ready', status, detail: failing(body) };
  } catch (error) {
    const refused = error instanceof UserError && error.code === 'api-refused';
    return { at: Date.now(), state: refused ? 'refused' : 'unreachable', detail: messageOf(error) };
  }
}

/** The checks that failed (`[-]etcd failed: reason withheld`), or the beginning of whatever came instead. */
function failing(body: string): string {
  const checks = body.split('\n').filter((line) => line.startsWith('[-]'));
  return checks.length > 0 ? checks.join('\n') : body.trim().slice(0, 500);
}
