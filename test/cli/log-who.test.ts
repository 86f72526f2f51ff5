/** `log who`: what has no name in its request, what is done in another way, and what the policy keeps out. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { line, type EventParts } from '../support/audit-events';
import { bundle } from '../support/bundle';
import { run, type Run } from '../support/command-line';
import { FakeNode } from '../support/fake-node';
import { fixture } from '../support/manifests';
import { tempFolder } from '../support/temp-folder';

const COURSE = 'fixtures/logs/course.log';

const log = (words: string): Promise<Run> =>
  run(new FakeNode(fixture('kubeadm-1.36.yaml')), ['log', ...words.split(' ')], { uid: 1000, disk: true });

const written = (...events: EventParts[]): string => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, events.map((each, at) => `${line({ auditID: `id-${at}`, ...each })}\n`).join(''));
  return path;
};

const starts = ({ out }: Run): string[] =>
  out
    .trimEnd()
    .split('\n')
    .map((each) => each.replace(/ \(.*/, ''));

describe('who created what the server named', () => {
  const pod: EventParts = { verb: 'create', resource: 'pods', namespace: 'a', code: 201 };
  const named = (name: string): unknown => ({ kind: 'Pod', metadata: { name, generateName: 'web-5d4f-' } });
  const asked = (generateName: string): unknown => ({ kind: 'Pod', metadata: { generateName } });

  test('by the answer', async () => {
    const path = written(
      { ...pod, user: 'bare' },
      {
        ...pod,
        user: 'one',
        level: 'RequestResponse',
        requestObject: asked('web-5d4f-'),
        responseObject: named('web-5d4f-abcde'),
      },
      {
        ...pod,
        user: 'two',
        level: 'RequestResponse',
        requestObject: asked('web-5d4f-'),
        responseObject: named('web-5d4f-fghij'),
      },
    );
    expect(starts(await log(`who created pod/web-5d4f-abcde ${path}`))).toEqual(['one']);
    const { json } = await log(`who created pod/web-5d4f-f* ${path} -o json`);
    expect(json().answers).toMatchObject([{ user: 'two', name: 'web-5d4f-fghij', direct: true }]);
  });

  test('one of many where no answer is logged: by the beginning of the name, or unseen', async () => {
    const path = written(
      { ...pod, user: 'bare' },
      { ...pod, user: 'one', level: 'Request', requestObject: asked('web-5d4f-') },
      { ...pod, user: 'other', level: 'Request', requestObject: asked('db-') },
      { ...pod, user: 'elsewhere', namespace: 'b' },
    );
    expect(starts(await log(`who created pod/web-5d4f-abcde -n a ${path}`))).toEqual([
      'nobody this one by name, as far as the log tells',
      'one of many: bare',
      'one of many: one',
    ]);
  });
});

test('a pod is deleted by an eviction too', async () => {
  const path = written(
    { verb: 'create', resource: 'pods', subresource: 'eviction', name: 'x', namespace: 'a', user: 'drain', code: 201 },
    { verb: 'create', resource: 'pods', subresource: 'eviction', name: 'y', namespace: 'a', user: 'no', code: 201 },
    { verb: 'create', resource: 'pods', subresource: 'exec', name: 'x', namespace: 'a', user: 'no', code: 101 },
  );
  expect(starts(await log(`who deleted pod/x -n a ${path}`))).toEqual(['drain']);
});

test('a list of others by name is not one of this', async () => {
  const watch = { verb: 'watch', resource: 'secrets', namespace: 'a' };
  const path = written(
    { ...watch, name: 'other', user: 'no' },
    { ...watch, name: 'x', user: 'one' },
    { ...watch, user: 'all' },
  );
  expect(starts(await log(`who read secret/x ${path}`))).toEqual(['one', 'one of many: all']);
});

describe('how far the log reaches back', () => {
  const early = { auditID: 'early', time: '2026-01-01T00:00:00.000000Z' };

  test('an empty rotated file is not the whole log', async () => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'audit-2026-01-01T00-00-00.000.log'), '');
    writeFileSync(join(folder, 'audit-2026-01-02T00-00-00.000.log.gz'), gzipSync(`${line(early)}\n`));
    writeFileSync(join(folder, 'audit.log'), `${line({ time: '2026-01-03T00:00:00.000000Z' })}\n`);
    const { talk } = await log(`who deleted secret/x --utc ${folder}`);
    expect(talk).toBe('! the log reaches back to 2026-01-01 00:00:00Z; what was before is not in it\n');
  });

  test('nor is standard input empty because it has been read', () => {
    const script = bundle(`
      import { compileFilter } from './src/core/auditlog/filter';
      import { createLogReader } from './src/system/log/reader';
      const logs = await createLogReader().open({ kind: 'named', names: ['-'] });
      let count = 0;
      for await (const event of logs.events({ verb: ['delete'] })) count++;
      console.log(JSON.stringify({ count, oldest: await logs.oldest() }));
      logs.close();
    `);
    const input = `{"kind":"Event","broken\n${readFileSync(COURSE, 'utf8')}`;
    const answer = execFileSync(process.execPath, [script], { input, encoding: 'utf8' });
    expect(JSON.parse(answer)).toEqual({
      count: expect.any(Number),
      oldest: Date.parse('2026-11-21T09:04:56.504Z') * 1000 + 193,
    });
  });
});

describe('what the policy keeps out, when no namespace is asked about', () => {
  const asks = async (rules: string, words: string): Promise<string> => {
    const path = join(tempFolder(), 'policy.yaml');
    writeFileSync(path, `apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n${rules}`);
    return (await log(`${words} ${COURSE} --policy ${path}`)).talk;
  };

  test.each<[string, string, RegExp]>([
    [
      'one namespace',
      '- level: None\n  namespaces: [kube-system]\n- level: Metadata\n',
      /does not log this in kube-system \(rule 1\)/,
    ],
    [
      'all but one',
      '- level: Metadata\n  namespaces: [prod]\n',
      /does not log this in other namespaces \(no rule matches\)/,
    ],
    [
      'of somebody in one',
      '- level: None\n  users: [robot]\n  namespaces: [dev]\n- level: None\n  namespaces: [ops]\n- level: Metadata\n',
      /does not log this in ops, nor of robot \(rule 1\)/,
    ],
    ['all', '- level: Metadata\n  namespaces: [""]\n', /does not log this \(deleted secrets\/x\): no rule/],
    ['none', '- level: Metadata\n  namespaces: [a]\n- level: Metadata\n', /^(?!.*policy)/],
  ])('%s', async (_name, rules, note) => {
    expect(await asks(rules, 'who deleted secret/x')).toMatch(note);
  });

  test('what is in no namespace is asked about as such', async () => {
    expect(await asks('- level: None\n  namespaces: [dev]\n- level: Metadata\n', 'who deleted node/x')).not.toMatch(
      /policy/,
    );
  });
});

test('--log takes one file, and leaves the words alone', async () => {
  const { out } = await log(`who --log ${COURSE} deleted secret/important -n production --utc`);
  expect(out).toMatch(/^alice /);
  const both = await log(`query --log ${COURSE} --log ${written({ user: 'zoe' })} -u zoe,mallory --fields user -o csv`);
  expect(both.out).toMatch(/zoe/);
  expect(both.out).toMatch(/mallory/);
});
