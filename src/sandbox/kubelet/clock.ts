/** The machine's clock, for the kubelet and the shims. */
import type { Clock } from './world';

export function systemClock(): Clock {
  return {
    now: Date.now,
    random: Math.random,
    after(ms, run) {
      const timer = setTimeout(run, ms);
      return {
        cancel() {
          clearTimeout(timer);
        },
      };
    },
  };
}

/**
 * Milliseconds since the epoch with microseconds behind the point, never twice the same and never backwards by a trifle:
 * lines are put in order by it. Not performance.timeOrigin, which stands still while a laptop sleeps.
 */
export function createPreciseNow(): () => number {
  let last = 0;
  return () => {
    const now = Date.now() + (performance.now() % 1);
    last = now > last || last - now > 10 ? now : last + 0.001;
    return last;
  };
}
