/** `log` on the command line: the questions of an audit course, asked of the log that a real node wrote meanwhile. */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuditEvent } from '../../src/core/auditlog/event';
import { run, type Run, type RunOptions } from '../support/command-line';
import { FakeNode } from '../support/fake-node';
import { fixture } from '../support/manifests';
import { line, type EventParts } from '../support/audit-events';
import { tempFolder } from '../support/temp-folder';

const COURSE = 'fixtures/logs/course.log';
const EVENTS = readFileSync(COURSE, 'utf8')
  .trimEnd()
  .split('\n')
  .map((each) => JSON.parse(each) as AuditEvent);
/** The last stage of each request. */
const REQUESTS = [...new Map(EVENTS.map((event) => [event.auditID, event])).values()];

/** No node, and nobody's root. */
const log = (line: string, options: RunOptions = {}): Promise<Run> =>
  run(new FakeNode(fixture('kubeadm-1.36.yaml')), ['log', ...line.split(' ')], { uid: 1000, disk: true, ...options });

const written = (...events: EventParts[]): string => {
  const path = join(tempFolder(), 'audit.log');
  writeFileSync(path, events.map((each) => `${line(each)}\n`).join(''));
  return path;
};

const lines = (text: string): AuditEvent[] =>
  text
    .split('\n')
    .filter((each) => each !== '')
    .map((each) => JSON.parse(each) as AuditEvent);

describe('the course', () => {
  test.each<[string, string, (event: AuditEvent) => boolean]>([
    ['all access to Secrets', '-r secrets', (e) => e.objectRef?.resource === 'secrets'],
    ['what the admin did', '-u kubernetes-admin', (e) => e.user?.username === 'kubernetes-admin'],
    ['failed requests', '--code >=400', (e) => (e.responseStatus?.code ?? 0) >= 400],
    ['exec into pods', '-r pods/exec', (e) => e.objectRef?.subresource === 'exec'],
    ['from an address', '--ip 192.168.1.100', (e) => e.sourceIPs?.includes('192.168.1.100') === true],
    [
      'changes of roles',
      '-r *role* --verb create,patch,delete',
      (e) => /role/.test(e.objectRef?.resource ?? '') && ['create', 'patch', 'delete'].includes(e.verb ?? ''),
    ],
    [
      'the same by name',
      '--preset rbac',
      (e) =>
        e.objectRef?.apiGroup === 'rbac.authorization.k8s.io' && ['create', 'patch', 'delete'].includes(e.verb ?? ''),
    ],
    [
      'who created this pod',
      '--name suspicious-pod --verb create',
      (e) => e.objectRef?.name === 'suspicious-pod' && e.verb === 'create',
    ],
    ['what mallory did', '-u mallory', (e) => e.user?.username === 'mallory'],
    [
      'exec since a moment',
      '-r pods/exec --since 2026-11-21T09:05:19.5Z',
      (e) => e.objectRef?.subresource === 'exec' && e.stageTimestamp! >= '2026-11-21T09:05:19.5',
    ],
    ['who read Secrets', '-r secrets --verb get', (e) => e.objectRef?.resource === 'secrets' && e.verb === 'get'],
    [
      'who deleted it',
      '-r secrets --name important -n production --verb delete',
      (e) =>
        e.objectRef?.resource === 'secrets' &&
        e.objectRef.name === 'important' &&
        e.objectRef.namespace === 'production' &&
        e.verb === 'delete',
    ],
    [
      'a user beyond ASCII, as openssl wrote it into the certificate',
      '-u jÃ¼rgen',
      (e) => e.user?.username === 'jÃ¼rgen',
    ],
    ['as somebody else', '--as jane', (e) => e.impersonatedUser?.username === 'jane'],
    ['failed logins', '--preset anonymous --code 401', (e) => e.responseStatus?.code === 401],
    ['of a group', '-g contractors', (e) => e.user?.groups?.includes('contractors') === true],
  ])('%s: log query %s', async (_name, flags, expected) => {
    const { code, out, talk } = await log(`query ${COURSE} ${flags} -o jsonl --bodies --reveal`);
    expect([code, talk]).toEqual([0, '']);
    const wanted = REQUESTS.filter(expected);
    expect(wanted.length).toBeGreaterThan(0);
    expect(lines(out)).toEqual([...wanted].sort((a, b) => EVENTS.indexOf(a) - EVENTS.indexOf(b)));
  });

  test('who deleted secret/important: one line with user, groups, time, address, agent, code', async () => {
    const { code, out } = await log(`who deleted secret/important -n production --utc ${COURSE}`);
    expect(code).toBe(0);
    expect(out.split('\n')[0]).toBe(
      'alice (developers, system:authenticated) delete secrets important in production at 2026-11-21 09:05:27Z ' +
        'from 10.77.0.2 with kubectl/v1.32.4 (linux/amd64) kubernetes/4cb5f07: 200',
    );
    expect(out.split('\n')[1]).toMatch(/^tried: mallory \(contractors, system:authenticated\) .*: 403$/);
  });

  test('of very many answers the last ones, and those of each kind', async () => {
    const asked = { resource: 'secrets', name: 'important', namespace: 'production' };
    const path = written(
      { ...asked, user: 'alice', auditID: 'first' },
      ...Array.from({ length: 5000 }, (_, at) => ({ ...asked, user: 'mallory', code: 403, auditID: `tried-${at}` })),
    );
    const { out, talk } = await log(`who read secret/important -n production --log ${path}`);
    expect(out).toMatch(/^alice/);
    expect(out.split('\n').length).toBe(2 + 2000);
    expect(talk).toContain('these are the last 2001; 3000 before them are left out');
  });

  test.each([
    ['created pod/suspicious-pod', 'bob'],
    ["exec'd pod/kube-apiserver-cp1", 'alice'],
    ['read secret/leak', 'kubernetes-admin'],
    ['changed role/pod-reader', 'kubernetes-admin'],
    ['scaled deployment/web', 'alice'],
    ['touched configmap/cfg', 'jÃ¼rgen'],
    ['deleted pod suspicious-pod', 'kubernetes-admin as jane'],
    ['port-forwarded pod/etcd-cp1', 'nobody'],
  ])('who %s: %s', async (question, who) => {
    const { out } = await log(`who ${question} ${COURSE}`);
    expect(out).toMatch(new RegExp(`^${who}[ ,]`));
  });
});

describe('who: what the answer is worth', () => {
  const HEAD = 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n';
  test.each<[string, string, RegExp]>([
    [
      'never logged',
      '- level: None\n  resources: [{group: "", resources: [secrets]}]\n- level: Metadata\n',
      /does not log this \(deleted secrets\/x\): rule 1 leaves it out/,
    ],
    ['no rule', '- level: Metadata\n  verbs: [get]\n', /does not log this.*: no rule matches it/],
    [
      'not of everybody',
      '- level: None\n  users: [robot]\n- level: Metadata\n',
      /does not log this of robot \(rule 1\)/,
    ],
    ['logged', '- level: Metadata\n', /^(?!.*policy)/],
  ])('%s', async (_name, rules, note) => {
    const folder = tempFolder();
    writeFileSync(join(folder, 'policy.yaml'), HEAD + rules);
    const { code, out, talk } = await log(`who deleted secret/x -n a ${COURSE} --policy ${folder}/policy.yaml --utc`);
    expect([code, out]).toEqual([0, 'nobody, as far as the log tells\n']);
    expect(talk).toMatch(note);
    expect(talk).toMatch(/the log reaches back to 2026-11-21 09:04:56Z/);
  });

  test('the policy of the node itself, for its own log', async () => {
    const root = tempFolder();
    const put = (path: string, text: string): void => {
      mkdirSync(join(root, path, '..'), { recursive: true });
      writeFileSync(join(root, path), text);
    };
    put('/var/log/kubernetes/audit/audit.log', `${line({ verb: 'get' })}\n`);
    const node = new FakeNode(fixture('kubeadm-1.36.yaml'), 'after');
    node.fs.put('/p/policy.yaml', `${HEAD}- level: Metadata\n  verbs: [get]\n`);
    await run(node, ['enable', '--policy', '/p/policy.yaml', '--ignore', 'no-catch-all'], {
      input: { '/p/policy.yaml': `${HEAD}- level: Metadata\n  verbs: [get]\n` },
    });
    const { code, out, talk } = await run(node, ['log', 'who', 'deleted', 'secret/x', '--root', root], {});
    expect([code, out]).toEqual([0, 'nobody, as far as the log tells\n']);
    expect(talk).toMatch(/the policy in force does not log this/);
  });

  test('a namespace that was deleted took its Secrets with it; a collection had no names', async () => {
    const path = written(
      { verb: 'delete', resource: 'namespaces', namespace: 'prod', name: 'prod', user: 'eve' },
      { verb: 'deletecollection', resource: 'secrets', namespace: 'prod', user: 'bob', auditID: '2' },
      { verb: 'delete', resource: 'secrets', namespace: 'prod', name: 'other', user: 'no', auditID: '3' },
    );
    const { out } = await log(`who deleted secret/x -n prod ${path}`);
    expect(out.split('\n').map((each) => each.split(' ').slice(0, 4).join(' '))).toEqual([
      'nobody this one by',
      'one of many: eve',
      'one of many: bob',
      '',
    ]);
  });

  test('as JSON', async () => {
    const { json } = await log(`who deleted secret/important -n production ${COURSE} -o json`);
    expect(json()).toMatchObject({
      command: 'log who',
      exitCode: 0,
      question: { verb: 'deleted', resource: 'secrets', name: 'important', namespace: 'production' },
      answers: [
        { user: 'mallory', code: 403, succeeded: false },
        {
          user: 'alice',
          groups: ['developers', 'system:authenticated'],
          ips: ['10.77.0.2'],
          code: 200,
          succeeded: true,
        },
      ],
      oldest: '2026-11-21T09:04:56.504193Z',
      policy: null,
    });
  });
});

describe('secrets stay in the log', () => {
  const SECRETS = ['TopSecretValue42', 'AppliedSecretValue', 'PatchedValue45'];
  const hidden = [...SECRETS, ...SECRETS.map((each) => Buffer.from(each).toString('base64').slice(0, 16))];
  test.each([
    '-o jsonl',
    '-o json',
    '-o csv --fields requestObject,responseObject',
    '-o text',
    '--fields requestObject.data,requestObject,responseObject',
  ])('query --bodies %s', async (flags) => {
    const { out } = await log(`query ${COURSE} -r secrets --bodies ${flags}`);
    expect(out).toContain('***');
    for (const value of hidden) expect(out).not.toContain(value);
  });

  test('unless they are asked for', async () => {
    const { out } = await log(`query ${COURSE} -r secrets --bodies --reveal -o jsonl`);
    expect(out).toContain('AppliedSecretValue43');
    expect(out).toContain(Buffer.from('TopSecretValue42').toString('base64'));
  });

  test('no bodies unless they are asked for', async () => {
    const { out } = await log(`query ${COURSE} -o jsonl`);
    for (const event of lines(out)) expect(Object.keys(event)).not.toEqual(expect.arrayContaining(['requestObject']));
    expect(out).not.toContain('"responseObject"');
  });

  test('show', async () => {
    const id = EVENTS.find((event) => event.objectRef?.name === 'applied' && event.verb === 'create')!.auditID!;
    const shown = await log(`show ${id} ${COURSE}`);
    for (const value of hidden) expect(shown.out).not.toContain(value);
    expect(shown.out).toMatch(/RequestReceived[\s\S]*ResponseComplete/);
    expect((await log(`show ${id} ${COURSE} --reveal`)).out).toContain('AppliedSecretValue43');
    expect((await log(`show ${id} ${COURSE} --no-bodies`)).out).not.toContain('requestObject');
    expect((await log(`show ${id.slice(0, 8)} ${COURSE} -o json`)).json()).toMatchObject({
      auditID: id.slice(0, 8),
      events: [{ stage: 'RequestReceived' }, { stage: 'ResponseComplete' }],
    });
    expect(await log(`show nothing ${COURSE}`)).toMatchObject({ code: 0, out: 'no event of nothing\n' });
  });

  test('the report', async () => {
    const { written: files } = await log(`report ${COURSE} --html r.html`, { disk: true, collectWritten: true });
    for (const value of hidden) expect(files['r.html']).not.toContain(value);
  });
});

describe('output', () => {
  const nasty: EventParts = {
    user: 'a\u001b[31mb\u202ec',
    agent: '=cmd|x',
    name: 'p\u0000q',
    resource: 'pods',
    namespace: '名前空間',
  };

  test('nothing that a terminal obeys gets through', async () => {
    const path = written(nasty);
    for (const format of ['text', 'wide', 'jsonl', 'json']) {
      const { out } = await log(`query ${path} -o ${format}`);
      expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    }
    expect((await log(`top ${path} --by user`)).out).toContain('a\\u001b[31mb\\u202ec');
    expect((await log(`who touched pod ${path}`)).out).toContain('\\u001b');
  });

  test.each([
    'query -o text',
    'query -o csv',
    'query -o json',
    'query --bodies',
    'top --by user -o json',
    'top --by user -o jsonl',
    'top --by user -o csv',
    'top --by user',
    'who touched pod',
    'who touched pod -o json',
    'report',
    'report -o json',
    'show nasty-id',
    'show nasty-id -o json',
    'show nasty-id -o jsonl',
  ])('nor on a terminal, from anywhere in an event: log %s', async (command) => {
    const evil = 'a\u001b[31mb\u009b31m\u202ec\u{e0041}';
    const path = written({
      ...nasty,
      auditID: 'nasty-id',
      user: evil,
      agent: evil,
      uri: `/${evil}`,
      time: evil,
      requestObject: { a: evil },
    });
    const { code, out } = await log(`${command} --log ${path}`, { columns: 80 });
    expect(code).toBe(0);
    expect(out.length).toBeGreaterThan(10);
    expect(out).not.toMatch(/[\u0000-\u0009\u000b\u000c\u000e-\u001f\u007f-\u009f\u202e\udc41]/);
    if (command.endsWith('json')) expect(() => JSON.parse(out) as unknown).not.toThrow();
  });

  const wide = (text: string): number => Math.max(...text.split('\n').map((each) => each.length));
  const long: EventParts = {
    user: 'system:serviceaccount:kube-system:deployment-controller',
    verb: 'deletecollection',
    resource: 'deployments',
    group: 'apps',
    namespace: 'kube-system',
    name: 'coredns-autoscaler-with-a-name',
    ips: ['2001:db8:aaaa:bbbb:cccc:dddd::1'],
  };

  test('later rows widen the columns', async () => {
    const short: EventParts = { user: 'bob', resource: 'pods', namespace: 'a', name: 'b' };
    const many = written(...Array.from({ length: 600 }, () => short), long);
    const bodies = written({ ...short, requestObject: {} }, long);
    for (const command of [`query ${many}`, `query ${bodies} --bodies`]) {
      const { out } = await log(`${command} --stage all`, { columns: 200 });
      expect(out).toContain(long.user);
      expect(out).toContain(long.name);
      expect(wide(out)).toBeLessThanOrEqual(200);
    }
  });

  test.each([40, 60, 80, 100, 140])('%d columns are enough, and tell people apart', async (columns) => {
    const path = written(
      long,
      { ...long, user: 'system:serviceaccount:kube-system:default', auditID: '2' },
      { user: 'bob', resource: 'pods', auditID: '3' },
    );
    for (const command of ['query', 'top --by user', 'top', 'report', 'query --bodies']) {
      const { out } = await log(`${command} --log ${path}`, { columns });
      expect([command, wide(out) <= columns]).toEqual([command, true]);
      expect(out).toMatch(/er  |er$/m);
      expect(out).toMatch(/(?:lt|t)(?:  |$)/m);
    }
  });

  test('what is short costs nothing: no column is left out', async () => {
    const { out } = await log(`query ${written({ user: 'bob', resource: 'pods' })} --utc`, { columns: 80 });
    expect(out).toMatch(/^TIME +WHO +VERB +WHAT +NAMESPACE +NAME +ANSWER +IP\n2026-01-01 00:00:00Z/);
  });

  test('CSV that no spreadsheet runs', async () => {
    const { out } = await log(`query ${written(nasty, { user: 'x,"y"\n', agent: '+1' })} -o csv --fields user,agent`);
    expect(out).toBe('user,agent\r\na\u001b[31mb\u202ec,\'=cmd|x\r\n"x,""y""\n",\'+1\r\n');
  });

  test('a table fits the terminal, and columns line up by how wide they look', async () => {
    const path = written(
      {
        ...nasty,
        user: 'system:serviceaccount:a-very-long-namespace:a-very-long-name',
        name: 'n'.repeat(90),
        resource: 'pods',
      },
      { user: 'bob', resource: 'pods', namespace: 'x', name: 'y', auditID: '2' },
    );
    const { out } = await log(`query ${path} --utc`, { columns: 80 });
    const width = (text: string): number =>
      Array.from(text).reduce((sum, each) => sum + (/[\u3000-\u9fff]/.test(each) ? 2 : 1), 0);
    const rows = out.trimEnd().split('\n');
    expect(rows.map(width).every((each) => each <= 80)).toBe(true);
    const column = rows[0]!.indexOf('NAME');
    expect(rows[2]!.indexOf(' x ') + 1).toBe(column);
    expect(out).toContain('…');
    expect((await log(`query ${path} --utc`)).out).not.toContain('…');
  });

  test('local clock or UTC', async () => {
    const path = written({ time: '2026-07-01T12:00:00.000000Z' });
    expect((await log(`query ${path} --utc --fields time`)).out).toBe('TIME\n2026-07-01 12:00:00Z\n');
    const local = new Date(Date.UTC(2026, 6, 1, 12));
    expect((await log(`query ${path} --fields time`)).out).toContain(
      ` ${String(local.getHours()).padStart(2, '0')}:00:00\n`,
    );
  });

  test('colour says how it went', async () => {
    const { out } = await log(`query ${written({ code: 403 }, { code: 500, auditID: '2' })}`, { colour: true });
    const [, denied, failed] = out.split('\n');
    expect([denied!.startsWith('\u001b[33m'), failed!.startsWith('\u001b[31m')]).toEqual([true, true]);
  });

  test('the first ones, the last ones, fields, JSON', async () => {
    expect(lines((await log(`query ${COURSE} -o jsonl --limit 3`)).out)).toHaveLength(3);
    const last = lines((await log(`query ${COURSE} -o jsonl --stage all --last 2`)).out);
    expect(last.map(({ auditID }) => auditID)).toEqual(EVENTS.slice(-2).map(({ auditID }) => auditID));
    const { json } = await log(`query ${COURSE} -u jÃ¼rgen -o json --fields user,user.groups,missing`);
    expect(json()).toMatchObject({
      command: 'log query',
      exitCode: 0,
      damaged: 0,
      events: expect.arrayContaining([
        { user: 'jÃ¼rgen', 'user.groups': ['developers', 'system:authenticated'], missing: null },
      ]) as unknown,
      files: [{ path: COURSE, events: EVENTS.length, problem: null }],
    });
    expect((await log(`query ${COURSE} -u nobody -o json`)).json()).toMatchObject({ events: [], count: 0 });
  });

  test('damage is told on standard error, and is no failure', async () => {
    const path = written({});
    appendFileSync(path, 'garbage\n{"kind":"Event","level":"Meta');
    const { code, talk, out } = await log(`query ${path} -o jsonl`);
    expect([code, lines(out).length]).toEqual([0, 1]);
    expect(talk).toBe(`! ${path}: 2 damaged lines passed over\n`);
  });

  test('top by URL shows no token, and counts those that differ in nothing else as one', async () => {
    const path = written({ uri: '/api?token=one' }, { uri: '/api?token=two' });
    expect((await log(`top ${path} --by uri -o csv`)).out).toBe('uri,count\r\n/api?token=***,2\r\n');
  });

  test('top: counts, shares, JSON, CSV', async () => {
    const count = REQUESTS.filter((each) => each.user?.username === 'alice').length;
    const { json } = await log(`top ${COURSE} --by user -o json --limit 0`);
    expect(json()).toMatchObject({
      total: REQUESTS.length,
      rows: expect.arrayContaining([{ user: 'alice', count }]) as unknown,
    });
    expect((await log(`top ${COURSE} --by user -o csv`)).out).toContain(`alice,${count}\r\n`);
    expect((await log(`top ${COURSE} --by user,verb --limit 2`)).out).toMatch(
      /^COUNT +SHARE +USER +VERB\n(?:.*\n){2}and \d+ more; --limit 0 shows all\n448 requests\n$/,
    );
  });
});

describe('usage', () => {
  test.each([
    [`query ${COURSE} --since tomorrowish`, 'bad-time'],
    [`query ${COURSE} --since now --until 2h`, 'bad-time'],
    [`query ${COURSE} --code 4`, 'bad-code'],
    [`query ${COURSE} --where verb==`, 'bad-expression'],
    [`query ${COURSE} --fields a..b`, 'bad-expression'],
    [`query ${COURSE} --preset x`, 'unknown-log-preset'],
    [`top ${COURSE} --by nothing`, 'unknown-dimension'],
    [`top ${COURSE} --by requestObject`, 'unknown-dimension'],
    ['query /nowhere', 'not-found'],
    [`who frobbed pod/x ${COURSE}`, 'bad-question'],
    [`export ${COURSE}`, 'usage'],
    [`query ${COURSE} --limit 1 --last 1`, 'usage'],
  ])('%s: exit code 2, %s', async (line, expected) => {
    const { code, json } = await log(`${line} -o json`);
    expect([code, (json().error as { code: string }).code]).toEqual([2, expected]);
  });

  test.each(['query -o sarif', 'who -o csv read secret', 'report -o wide'])('%s is no format of it', async (line) => {
    expect((await log(line)).code).toBe(2);
  });

  test('a node whose server logs nothing', async () => {
    const { code, talk } = await log('query');
    expect([code, talk]).toEqual([2, expect.stringMatching(/sets no --audit-log-path.*\[no-log\]/)]);
  });
});
