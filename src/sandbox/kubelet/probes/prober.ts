/**
 * When a container is probed, and what its answers mean. Rule: until the startup probe has succeeded nothing else is
 * asked; a result counts only after as many in a row as the probe says. Source: pkg/kubelet/prober/worker.go.
 */
import type { Timings } from '../../container';
import type { ContainerSpec, ProbeSpec } from '../pod/types';
import type { Clock, ProbeWatch, Timer } from '../world';

export type ProbeKind = 'startup' | 'liveness' | 'readiness';

/** Undefined: the answer was good. Else what was wrong with it. */
export type Ask = (probe: ProbeSpec, timeoutMs: number) => Promise<string | undefined>;

export interface ProberOptions {
  clock: Clock;
  timings: Timings;
  ask: Ask;
  /** A probe failed; for the event. */
  failed: (kind: ProbeKind, problem: string) => void;
  /** Called once. */
  unhealthy: (kind: 'startup' | 'liveness') => void;
  /** Ready, or no longer so. */
  changed: () => void;
}

/** A TLS handshake and an audit event each: more often would fill a fast sandbox's log, and a core. */
const LEAST_PERIOD_MS = 250;
const LEAST_TIMEOUT_MS = 1000;

export function watchContainer(spec: ContainerSpec, options: ProberOptions): ProbeWatch {
  const { clock, timings, unhealthy, changed } = options;
  let over = false;
  let started = spec.startupProbe === undefined;
  let ready = spec.readinessProbe === undefined;
  const stops: (() => void)[] = [];

  const stop = (): void => {
    over = true;
    for (const each of stops) each();
  };
  const run = (kind: ProbeKind, probe: ProbeSpec | undefined, decided: (good: boolean) => void): void => {
    if (probe === undefined) return;
    // Counted from the container's start, as it is for the probes that wait for the startup probe.
    const delay = ((probe.initialDelaySeconds ?? 0) * 1000) / timings.speed - (clock.now() - beganAt);
    const worker = new ProbeWorker(kind, probe, options, decided);
    stops.push(() => {
      worker.stop();
    });
    worker.start(Math.max(0, delay));
  };
  const end = (kind: 'startup' | 'liveness'): void => {
    if (over) return;
    stop();
    unhealthy(kind);
  };
  const runOthers = (): void => {
    run('readiness', spec.readinessProbe, (good) => {
      ready = good;
      changed();
    });
    run('liveness', spec.livenessProbe, (good) => {
      if (!good) end('liveness');
    });
  };

  const beganAt = clock.now();
  if (started) runOthers();
  else {
    run('startup', spec.startupProbe, (good) => {
      if (!good) {
        end('startup');
        return;
      }
      if (started) return;
      started = true;
      stops.splice(0).forEach((each) => {
        each();
      });
      changed();
      runOthers();
    });
  }
  return { stop, ready: () => started && ready, started: () => started };
}

class ProbeWorker {
  readonly #kind: ProbeKind;
  readonly #probe: ProbeSpec;
  readonly #options: ProberOptions;
  readonly #decided: (good: boolean) => void;
  #timer: Timer | undefined;
  #stopped = false;
  #inRow = 0;
  #last: boolean | undefined;
  #result: boolean | undefined;

  constructor(kind: ProbeKind, probe: ProbeSpec, options: ProberOptions, decided: (good: boolean) => void) {
    this.#kind = kind;
    this.#probe = probe;
    this.#options = options;
    this.#decided = decided;
  }

  start(delayMs: number): void {
    this.#timer = this.#options.clock.after(delayMs, () => {
      void this.#once();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #once(): Promise<void> {
    const { timings, ask, failed } = this.#options;
    const { timeoutSeconds = 1, periodSeconds = 10 } = this.#probe;
    const timeout = Math.max(LEAST_TIMEOUT_MS, (timeoutSeconds * 1000) / timings.speed);
    const problem = await ask(this.#probe, timeout);
    // The container may have ended while it was asked.
    if (this.#stopped) return;
    if (problem !== undefined) failed(this.#kind, problem);
    this.#count(problem === undefined);
    if (!this.#isStopped()) this.start(Math.max(LEAST_PERIOD_MS, (periodSeconds * 1000) / timings.speed));
  }

  #isStopped(): boolean {
    return this.#stopped;
  }

  #count(good: boolean): void {
    this.#inRow = this.#last === good ? this.#inRow + 1 : 1;
    this.#last = good;
    const { successThreshold = 1, failureThreshold = 3 } = this.#probe;
    if (this.#inRow < (good ? successThreshold : failureThreshold) || this.#result === good) return;
    this.#result = good;
    this.#decided(good);
  }
}
