/** systemctl, journalctl and the runtime's tools, as argument arrays and as what is made of their answers. */
import {
  controlUnit,
  readJournal,
  readUnit,
  removePods,
  searchJournal,
  type Execute,
} from '../../../src/system/doctor/services';

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

describe('a search of the journal', () => {
  const entry = (at: number, text: string): string =>
    JSON.stringify({ MESSAGE: text, __REALTIME_TIMESTAMP: String(at * 1000), __CURSOR: 'c' });
  /** journalctl over these entries, as it is asked; `pcre`: whether it knows patterns. */
  const over =
    (entries: [number, string][], { pcre = true, called = [] as string[] } = {}): Execute =>
    (_program, args) => {
      called.push(args.filter((word) => /^--(?:since|until|grep|lines)/.test(word)).join(' '));
      const value = (name: string) => args.find((word) => word.startsWith(`--${name}=`))?.replace(/^[^=]*=@?/, '');
      const pattern = value('grep');
      if (pattern !== undefined && !pcre)
        return Promise.resolve({ code: 1, stdout: '', stderr: 'Compiled without pattern matching support' });
      const found = entries.filter(
        ([at, text]) =>
          at >= Number(value('since')) * 1000 &&
          at <= Number(value('until') ?? Infinity) * 1000 &&
          new RegExp(pattern ?? '').test(text),
      );
      const stdout = found.slice(-Number(value('lines'))).map(([at, text]) => `${entry(at, text)}\n`);
      return Promise.resolve({ code: found.length > 0 ? 0 : 1, stdout: stdout.join(''), stderr: '' });
    };
  const START = 1_000_000;
  const noise = Array.from({ length: 9000 }, (_, n): [number, string] => [START + 100 * n, 'connection refused']);
  const search = (entries: [number, string][], how: Parameters<typeof over>[1] = {}) =>
    searchJournal('/', 'kubelet', START, 'Watching apiserver|node sync', START + 900_000, over(entries, how));

  test.each([true, false])('finds a word among thousands of lines (pattern matching: %s)', async (pcre) => {
    const line: [number, string] = [START + 450_050, 'I "Watching apiserver"'];
    expect(await search([...noise.slice(0, 4500), line, ...noise.slice(4500)], { pcre })).toMatchObject({
      line: { at: line[0], text: line[1] },
    });
  });

  test.each([true, false])('without it: all was looked through (pattern matching: %s)', async (pcre) => {
    const called: string[] = [];
    expect(await search(noise, { pcre, called })).toEqual({ whole: true });
    expect(called.length).toBeLessThanOrEqual(15);
    expect(called.every((line) => line.includes('--lines='))).toBe(true);
  });

  test('a journal that begins after the start says nothing of what was said before', async () => {
    expect(await search(noise.slice(1000))).toEqual({ whole: false });
    expect(await search(noise.slice(1000), { pcre: false })).toEqual({ whole: false });
  });

  test('what an earlier process said does not count; no journalctl: nothing is known', async () => {
    expect(await search([[START - 500, 'Watching apiserver'], ...noise])).toEqual({ whole: true });
    expect(await searchJournal('/', 'kubelet', 0, 'x', 1, programs({}).execute)).toEqual({ whole: false });
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
