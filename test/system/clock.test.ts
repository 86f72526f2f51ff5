import { createClock } from '../../src/system/clock';

const clock = createClock();

test('sleep takes its time, and not longer than the signal lets it', async () => {
  const begun = performance.now();
  await clock.sleep(20);
  expect(performance.now() - begun).toBeGreaterThan(15);
  const stop = new AbortController();
  const sleeping = clock.sleep(60_000, stop.signal);
  stop.abort();
  await sleeping;
  await clock.sleep(60_000, stop.signal);
  expect(performance.now() - begun).toBeLessThan(5000);
});

test('tokens are hex and differ', () => {
  expect(clock.token(8)).toMatch(/^[0-9a-f]{16}$/);
  expect(clock.token(8)).not.toBe(clock.token(8));
});
