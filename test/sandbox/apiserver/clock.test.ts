/** Microseconds never run backwards, but for a clock that is set back. */
import { microClock } from '../../../src/sandbox/apiserver/clock';

test('the finer steps come from the monotonic clock, and a wall clock that is set wins', () => {
  let wall = 1000;
  let steady = 50;
  const now = microClock(
    () => wall,
    () => steady,
  );
  expect(now()).toBe(1_000_000);
  steady += 0.0625;
  expect(now()).toBe(1_000_062);
  steady -= 0.05;
  expect(now()).toBe(1_000_062);
  wall = 500;
  expect(now()).toBe(500_000);
});
