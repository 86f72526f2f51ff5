import { run } from '../../src/system/run';

const node = (script: string, options?: Parameters<typeof run>[2]) => run(process.execPath, ['-e', script], options);

test('a program that refuses is an answer', async () => {
  expect(await node('console.log(process.env.LC_ALL); console.error("no"); process.exitCode = 3')).toEqual({
    code: 3,
    stdout: 'C\n',
    stderr: 'no\n',
  });
});

test('a program that reads its input finds the end of it', async () => {
  expect((await node('process.stdin.on("data", () => 0).on("end", () => console.log("end"))')).stdout).toBe('end\n');
});

test('one that is not there, does not end, or is ended by a signal rejects', async () => {
  await expect(run('/nonexistent/program', [])).rejects.toMatchObject({ code: 'ENOENT' });
  await expect(node('setInterval(() => 0, 1000)', { timeoutMs: 100 })).rejects.toThrow();
  await expect(node('process.kill(process.pid, "SIGKILL")')).rejects.toThrow();
  const stop = new AbortController();
  const running = node('setInterval(() => 0, 1000)', { signal: stop.signal });
  stop.abort();
  await expect(running).rejects.toMatchObject({ code: 'ABORT_ERR' });
});
