/** `log`: questions that nothing answers, and what may have been meant. */
import { readFileSync } from 'node:fs';
import { run, type Run } from '../support/command-line';
import { FakeNode } from '../support/fake-node';
import { fixture } from '../support/manifests';

const COURSE = 'fixtures/logs/course.log';
const log = (line: string): Promise<Run> =>
  run(new FakeNode(fixture('kubeadm-1.36.yaml')), ['log', ...line.split(' ')], { uid: 1000, disk: true });

test.each<[string, RegExp]>([
  ['--level Foo', /--level Foo is none: one of Metadata, Request, RequestResponse/],
  ['--level metdata', /did you mean Metadata\?/],
  ['--decision deny', /--decision deny is none: did you mean forbid\?/],
  ['--verb exec', /exec is no verb of the server: -r pods\/exec/],
  ['-r secrt', /secrt is no resource of Kubernetes itself: did you mean secrets\?/],
])('%s', async (words, hint) => {
  for (const command of ['query', 'top']) {
    const { code, talk } = await log(`${command} ${COURSE} --utc ${words}`);
    expect(code).toBe(0);
    expect(talk).toContain('! no events match; the log covers 2026-11-21 09:04:56Z to 2026-11-21 09:');
    expect(talk).toMatch(hint);
  }
});

test('none of this where something matches, or where nothing could have been meant', async () => {
  expect((await log(`query ${COURSE} --level Foo,Metadata`)).talk).toBe('');
  expect((await log(`query ${COURSE} -u nobody -r widgets.example.com --verb !exec --decision for*`)).talk).toMatch(
    /^! no events match[^\n]*\n$/,
  );
});

test('who: a resource that is none', async () => {
  expect((await log(`who deleted secrt/x ${COURSE}`)).talk).toMatch(/did you mean secrets\?/);
  expect((await log(`who deleted secret/x ${COURSE}`)).talk).not.toMatch(/no resource/);
});

describe('--fields', () => {
  test('one that no server writes', async () => {
    const { code, talk } = await log(`query ${COURSE} --fields usr,time,user.extra --limit 1`);
    expect([code, talk]).toEqual([0, '! the server writes no field usr: did you mean user?\n']);
  });

  test('what cannot be read is told as what it is', async () => {
    const { code, talk } = await log(`query ${COURSE} --fields a..b`);
    expect(code).toBe(2);
    expect(talk).toContain('--fields: ');
    expect(talk).not.toContain('--where');
  });

  test('a part of a body is asked for, and masked as ever', async () => {
    const text = readFileSync(COURSE, 'utf8');
    expect(text).toContain('"requestObject":{"kind":"Secret"');
    const words = `query ${COURSE} -r secrets --verb create --fields requestObject.kind,requestObject.data`;
    for (const format of ['text', 'csv', 'jsonl']) {
      const { out } = await log(`${words} -o ${format}`);
      expect(out).toContain('Secret');
      expect(out).toContain('***');
    }
  });
});
