/** The time in microseconds: the system's clock, with the finer steps of the monotonic one in between. */

export function microClock(
  wall: () => number = () => Date.now(),
  steady: () => number = () => performance.now(),
): () => number {
  let offset = wall() - steady();
  let last = 0;
  return () => {
    const now = wall();
    // The clock was set, or the machine slept: begin anew from what it says.
    if (Math.abs(offset + steady() - now) > 5) {
      offset = now - steady();
      last = 0;
    }
    last = Math.max(last, Math.floor((offset + steady()) * 1000));
    return last;
  };
}
