/** systemctl, journalctl and the runtime's tools, as argument arrays and as what is made of their answers. */
import { controlUnit, readJournal, readUnit, removePods, type Execute } from '../../../src/system/doctor/services';

/** Answers by program and the words that matter; what was called, in order. */
function programs(answers: Record<string, { code?: number; stdout?: string; stderr?: string } | Error>) {
  const called: string[] = [];
  const execute: Execute = (program, args) => {
    const line = [program, ...args].join(' ');
    called.push(line);
    const answer = Object.entries(answers).find(([start]) => line.startsWith(start))?.[1];
    if (answer === undefined) return Promise.reject(Object.assign(new Error(`no ${program}`), { code: 'ENOENT' }));
    if (answer instanceof Error) return Promise.reject(answer);
    return Promise.resolve({ code: answer.code ?? 0, stdout: answer.stdout ?? '', stderr: answer.stderr ?? '' });
  };
  return { execute, called };
}

describe('the journal', () => {
  const entry = (at: number, text: string): string =>
    JSON.stringify({ MESSAGE: text, __REALTIME_TIMESTAMP: String(at * 1000), __CURSOR: 'c' });

  test('is asked once, bounded in time and lines, for the newest', async () => {
    const { execute, called } = programs({ journalctl: { stdout: `${entry(6000, 'two')}\n${entry(5000, 'one')}\n` } });
    expect(await readJournal('/', 'kubelet', 4999, 100, execute)).toEqual({
      lines: [
        { at: 5000, text: 'one' },
        { at: 6000, text: 'two' },
      ],
    });
    expect(called).toEqual(['journalctl --quiet --unit kubelet --output=json --all --since=@4 --reverse --lines=100']);
  });

  test.each([
    ['not there', {}, 'there is no journalctl here'],
    [
      'no permission',
      { journalctl: { code: 1, stderr: 'No journal files were opened\n' } },
      'No journal files were opened',
    ],
  ])('%s: a note', async (_, answers, note) => {
    expect(await readJournal('/', 'kubelet', 0, 1, programs(answers).execute)).toEqual({ lines: [], note });
  });

  test('of a node in a folder', async () => {
    const { execute, called } = programs({ journalctl: {} });
    await readJournal('/host', 'kubelet', 0, 1, execute);
    expect(called[0]).toContain('journalctl --root=/host ');
  });
});

describe('a unit', () => {
  test('as systemctl shows it', async () => {
    const stdout =
      'LoadState=loaded\nActiveState=activating\nSubState=auto-restart\nResult=exit-code\nExecMainStatus=1\nNRestarts=7\n';
    expect(await readUnit('/', 'kubelet', programs({ systemctl: { stdout } }).execute)).toEqual({
      name: 'kubelet',
      load: 'loaded',
      active: 'activating',
      sub: 'auto-restart',
      result: 'exit-code',
      exitStatus: 1,
      restarts: 7,
    });
  });

  test('where there is no systemd, or it is another machine’s: nothing', async () => {
    expect(await readUnit('/', 'kubelet', programs({}).execute)).toBeUndefined();
    const { execute, called } = programs({ systemctl: { stdout: 'ActiveState=active\n' } });
    expect(await readUnit('/host', 'kubelet', execute)).toBeUndefined();
    expect(called).toEqual([]);
  });

  test('that does not start: the reason, and what to type', async () => {
    const { execute } = programs({ systemctl: { code: 5, stderr: 'Unit kubelet.service not found.' } });
    await expect(controlUnit('/', 'start', 'kubelet', execute)).rejects.toMatchObject({
      code: 'unit-not-started',
      message: 'systemctl start kubelet: Unit kubelet.service not found.',
      hints: expect.arrayContaining(['systemctl status kubelet']),
    });
    await expect(controlUnit('/host', 'start', 'kubelet', execute)).rejects.toMatchObject({ code: 'unit-not-started' });
  });
});

describe('what is left of a pod', () => {
  test('goes by crictl', async () => {
    const { execute, called } = programs({ 'crictl pods': { stdout: 'abc\n' }, 'crictl stopp': {}, 'crictl rmp': {} });
    expect(await removePods(['u1'], execute)).toEqual([]);
    expect(called).toEqual([
      'crictl pods --quiet --label io.kubernetes.pod.uid=u1',
      'crictl stopp abc',
      'crictl rmp --force abc',
    ]);
  });

  test('goes by ctr where there is no crictl, though a task may have ended', async () => {
    const { execute, called } = programs({
      'ctr --namespace k8s.io containers list': { stdout: 'x\n' },
      'ctr --namespace k8s.io tasks': { code: 1, stderr: 'not found' },
      'ctr --namespace k8s.io containers delete': {},
    });
    expect(await removePods(['u1'], execute)).toEqual([]);
    expect(called.at(-1)).toBe('ctr --namespace k8s.io containers delete x');
  });

  test.each([
    ['neither is there', {}, 'pod u1: neither crictl nor ctr is here'],
    ['crictl refuses', { crictl: { code: 1, stderr: 'no runtime' } }, 'no runtime'],
  ])('%s: it is said, nothing is thrown', async (_, answers, why) => {
    expect((await removePods(['u1'], programs(answers).execute)).join('\n')).toContain(why);
  });
});
