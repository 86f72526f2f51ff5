/** Batches, throttling, truncation, the webhook and the modes: what is delivered, when, and what a loss is told as. */
import fc from 'fast-check';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ignoringErrors, reporter, union, type Backend } from '../../../../src/sandbox/apiserver/audit/backend';
import { buffered, type Timer } from '../../../../src/sandbox/apiserver/audit/buffered';
import { encodeEvent, legacyLine, microTime, type AuditEvent } from '../../../../src/sandbox/apiserver/audit/event';
import { logBackend } from '../../../../src/sandbox/apiserver/audit/log';
import { truncating } from '../../../../src/sandbox/apiserver/audit/truncate';
import { readReceiver, webhookBackend } from '../../../../src/sandbox/apiserver/audit/webhook';
import { ContainerFiles } from '../../../../src/sandbox/apiserver/files';
import { Klog } from '../../../../src/sandbox/apiserver/klog';
import { Metrics } from '../../../../src/sandbox/apiserver/metrics';
import { tempFolder } from '../../../support/temp-folder';

/** Time that passes when it is told to. */
class FakeTimer implements Timer {
  #now = 0;
  #due: { at: number; run: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const entry = { at: this.#now + ms, run };
    this.#due.push(entry);
    return () => {
      this.#due = this.#due.filter((other) => other !== entry);
    };
  }

  pass(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#due.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#due = this.#due.filter((other) => other !== next);
      this.#now = next.at;
      next.run();
    }
    this.#now = end;
  }
}

function event(auditID: string, more: Partial<AuditEvent> = {}): AuditEvent {
  return {
    level: 'Metadata',
    auditID,
    stage: 'ResponseComplete',
    requestURI: '/version',
    verb: 'get',
    user: { name: 'jane', groups: ['dev', 'ops'] },
    sourceIPs: ['10.0.0.1'],
    userAgent: 'curl',
    received: 1_700_000_000_123_400,
    staged: 1_700_000_000_123_456,
    annotations: {},
    ...more,
  };
}

const ids = (events: readonly AuditEvent[]) => events.map(({ auditID }) => auditID).join('');

function collector(): Backend & { batches: string[] } {
  const batches: string[] = [];
  return {
    batches,
    process(events) {
      batches.push(ids(events));
      return true;
    },
    close: () => Promise.resolve(),
  };
}

function told(): { report: ReturnType<typeof reporter>; metrics: Metrics; lines: string[] } {
  const lines: string[] = [];
  const metrics = new Metrics(0);
  return { lines, metrics, report: reporter(new Klog((text) => lines.push(text)), metrics, 36) };
}

describe('batches', () => {
  const OPTIONS = { bufferSize: 5, maxSize: 3, maxWait: 1000 };

  test('go out when they are full, or when the wait is over', () => {
    const timer = new FakeTimer();
    const target = collector();
    const backend = buffered(target, OPTIONS, told().report, timer);
    for (const id of 'ab') void backend.process([event(id)]);
    timer.pass(999);
    expect(target.batches).toEqual([]);
    timer.pass(1);
    expect(target.batches).toEqual(['ab']);
    for (const id of 'cdefg') void backend.process([event(id)]);
    timer.pass(0);
    expect(target.batches).toEqual(['ab', 'cde']);
  });

  test('are held back by the throttle, once its burst is used up', () => {
    const timer = new FakeTimer();
    const target = collector();
    const options = { bufferSize: 100, maxSize: 1, maxWait: 0, throttle: { qps: 10, burst: 2 } };
    const backend = buffered(target, options, told().report, timer);
    for (const id of 'abcd') void backend.process([event(id)]);
    timer.pass(0);
    expect(target.batches).toEqual(['a', 'b']);
    timer.pass(101);
    expect(target.batches).toEqual(['a', 'b', 'c']);
    timer.pass(100);
    expect(target.batches).toEqual(['a', 'b', 'c', 'd']);
  });

  test('a full queue loses what comes, and says so', () => {
    const { report, metrics, lines } = told();
    const target = collector();
    const backend = buffered(target, OPTIONS, report, new FakeTimer());
    expect(backend.process('abcdefg'.split('').map((id) => event(id)))).toBe(true);
    expect(metrics.auditErrors.get('buffered')).toBe(2);
    expect(lines.join('')).toContain(
      "Error in audit plugin 'buffered' affecting 2 audit events: audit buffer queue blocked\nImpacted events:\n",
    );
  });

  test('the end sends what is left, without waiting', async () => {
    const target = collector();
    const { report, metrics } = told();
    const backend = buffered(target, OPTIONS, report, new FakeTimer());
    for (const id of 'abcd') void backend.process([event(id)]);
    await backend.close();
    expect(target.batches).toEqual(['abc', 'd']);
    void backend.process([event('e')]);
    expect(metrics.auditErrors.get('buffered')).toBe(1);
  });

  test('never lose, double or reorder an event that was taken', () => {
    const numbers = fc.record({ maxSize: fc.integer({ min: 1, max: 5 }), maxWait: fc.integer({ min: 0, max: 50 }) });
    fc.assert(
      fc.property(numbers, fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 40 }), (options, gaps) => {
        const timer = new FakeTimer();
        const target = collector();
        const backend = buffered(
          target,
          { bufferSize: 1000, ...options, throttle: { qps: 100, burst: 3 } },
          told().report,
          timer,
        );
        gaps.forEach((gap, at) => {
          timer.pass(gap);
          void backend.process([event(`${at},`)]);
        });
        timer.pass(10_000);
        expect(target.batches.join('')).toBe(gaps.map((_, at) => `${at},`).join(''));
        expect(Math.max(0, ...target.batches.map((batch) => batch.split(',').length - 1))).toBeLessThanOrEqual(
          options.maxSize,
        );
      }),
    );
  });
});

describe('truncation', () => {
  const big = { requestObject: { data: 'x'.repeat(2000) } };

  test('takes the bodies out and says so in the event; what is still too large is lost', () => {
    const { report, lines, metrics } = told();
    const seen: AuditEvent[] = [];
    const target: Backend = { process: (events) => seen.push(...events) > 0, close: () => Promise.resolve() };
    const backend = truncating(target, { maxEventSize: 1000, maxBatchSize: 10_000 }, report);
    void backend.process([
      event('a'),
      event('b', { ...big, level: 'Request' }),
      event('c', { requestURI: '/'.repeat(2000) }),
    ]);
    expect(ids(seen)).toBe('ab');
    expect(seen[1]).toMatchObject({ annotations: { 'audit.k8s.io/truncated': 'true' } });
    expect(seen[1]!.requestObject).toBeUndefined();
    expect(metrics.auditErrors.get('truncate')).toBe(1);
    expect(lines.join('')).toContain('event is too large even after truncating');
  });

  test('splits a batch that is too large', () => {
    const target = collector();
    const size = encodeEvent(event('a')).length + 1;
    void truncating(target, { maxEventSize: 1000, maxBatchSize: 2 * size }, told().report).process(
      'abc'.split('').map((id) => event(id)),
    );
    expect(target.batches).toEqual(['ab', 'c']);
  });
});

describe('the modes', () => {
  const failing: Backend = { process: () => false, close: () => Promise.resolve() };
  const later: Backend = { process: () => Promise.resolve(false), close: () => Promise.resolve() };

  test('blocking passes over a loss, strict does not; one of several backends is enough', async () => {
    expect(ignoringErrors(failing).process([])).toBe(true);
    expect(await ignoringErrors(later).process([])).toBe(true);
    expect(union([collector(), failing]).process([])).toBe(false);
    expect(await union([collector(), later]).process([])).toBe(false);
  });
});

describe('the log', () => {
  const lines: string[] = [];
  let writes = 0;
  const writer = {
    write: (group: readonly string[]) => {
      writes++;
      lines.push(...group);
      return [];
    },
    close: () => Promise.resolve(),
  };

  beforeEach(() => lines.splice(0));

  test('has a JSON object a line, or a line of the old form', async () => {
    await logBackend(writer, 'json', 36, told().report).process([event('a')]);
    await logBackend(writer, 'legacy', 36, told().report).process([event('a', { responseStatus: { code: 200 } })]);
    const acting = event('b', { impersonatedUser: { name: 'bob', groups: [] } });
    await logBackend(writer, 'legacy', 20, told().report).process([acting]);
    expect(JSON.parse(lines[0]!)).toMatchObject({ kind: 'Event', auditID: 'a' });
    expect(lines[1]).toBe(
      '2023-11-14T22:13:20.1234Z AUDIT: id="a" stage="ResponseComplete" ip="10.0.0.1" method="get" user="jane" ' +
        String.raw`groups="\"dev\",\"ops\"" as="<self>" asgroups="<lookup>" user-agent="curl" namespace="<none>" uri="/version" response="200"` +
        '\n',
    );
    expect(lines[2]).toContain('as="bob" asgroups="" namespace="<none>" uri="/version" response="<deferred>"');
  });

  test('events of the same moment share one write, and each is done when it is written', async () => {
    writes = 0;
    const backend = logBackend(writer, 'json', 36, told().report);
    const answers = 'abc'.split('').map((id) => backend.process([event(id)]));
    expect(lines).toEqual([]);
    for (const answer of answers) expect(await answer).toBe(true);
    expect([writes, lines.length]).toEqual([1, 3]);
    void backend.process([event('d')]);
    await backend.close();
    expect(lines).toHaveLength(4);
  });

  test('a line that cannot be written is lost, counted and told, the others are not', async () => {
    const { report, metrics, lines: said } = told();
    const broken = {
      write: (group: readonly string[]) =>
        group.map((line) => {
          if (line.includes('"b"')) return 'write /x: no space left on device';
          lines.push(line);
          return undefined;
        }),
      close: () => Promise.resolve(),
    };
    expect(await logBackend(broken, 'json', 36, report).process([event('a'), event('b'), event('c')])).toBe(false);
    expect(lines).toHaveLength(2);
    expect(metrics.auditErrors.get('log')).toBe(1);
    expect(said.join('')).toContain(
      `Error in audit plugin 'log' affecting 1 audit events: write /x: no space left on device\nImpacted events:\n${legacyLine(event('b'), 36)}\n`,
    );
  });
});

test('times have six digits whatever their value', () => {
  expect(microTime(1_700_000_000_000_007)).toBe('2023-11-14T22:13:20.000007Z');
});

describe('the webhook', () => {
  let server: Server;
  let answers: number[];
  let bodies: string[];
  let files: ContainerFiles;
  let root: string;

  beforeEach(async () => {
    answers = [];
    bodies = [];
    root = tempFolder();
    mkdirSync(join(root, 'rootfs'));
    files = new ContainerFiles({ mounts: [], rootfs: join(root, 'rootfs') });
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        bodies.push(`${request.method} ${request.url} ${request.headers.authorization ?? ''} ${body}`);
        response.writeHead(answers.shift() ?? 200).end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  function receiver(): ReturnType<typeof readReceiver> {
    const { port } = server.address() as AddressInfo;
    writeFileSync(
      join(root, 'rootfs/hook.yaml'),
      `apiVersion: v1
kind: Config
clusters: [{ name: audit, cluster: { server: "http://127.0.0.1:${port}/in" } }]
users: [{ name: me, user: { token: abc } }]
contexts: [{ name: audit, context: { cluster: audit, user: me } }]
current-context: audit
`,
    );
    return readReceiver('/hook.yaml', files);
  }

  /** Passes every wait at once, and remembers it. */
  function hasty(): Timer & { waits: number[] } {
    const waits: number[] = [];
    return {
      waits,
      now: () => 0,
      after: (ms, run) => {
        waits.push(ms);
        setImmediate(run);
        return () => undefined;
      },
    };
  }

  test('posts a list of events, as the user of its file', async () => {
    const backend = webhookBackend(receiver(), 10, told().report);
    expect(await backend.process([event('a'), event('b')])).toBe(true);
    await backend.close();
    const [head, path, scheme, token, body = ''] = bodies[0]!.split(' ');
    expect([head, path, scheme, token]).toEqual(['POST', '/in?timeout=30s', 'Bearer', 'abc']);
    const list = JSON.parse(body) as { items: object[] };
    expect(list).toMatchObject({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1', metadata: {} });
    expect(Object.keys(list.items[0]!).slice(0, 2)).toEqual(['level', 'auditID']);
    expect(list.items).toHaveLength(2);
  });

  test('tries again with growing waits, then gives up and tells', async () => {
    answers = [500, 503];
    const { report, metrics, lines } = told();
    const timer = hasty();
    const backend = webhookBackend(receiver(), 100, report, timer);
    expect(await backend.process([event('a')])).toBe(true);
    expect(timer.waits).toEqual([100, 150]);
    answers = [500, 500, 500, 500, 500];
    expect(await backend.process([event('b')])).toBe(false);
    expect(timer.waits.slice(2)).toEqual([100, 150, 225, 337.5]);
    expect(metrics.auditErrors.get('webhook')).toBe(1);
    expect(lines.join('')).toContain("Error in audit plugin 'webhook' affecting 1 audit events: ");
    await backend.close();
  });

  test('a receiver that is not there is told in the words of Go', async () => {
    const target = receiver();
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const { report, lines } = told();
    expect(await webhookBackend(target, 1, report, hasty()).process([event('a')])).toBe(false);
    expect(lines.join('')).toContain(
      `Post "http://127.0.0.1:${port}/in?timeout=30s": dial tcp 127.0.0.1:${port}: connect: connection refused`,
    );
  });

  test.each([
    ['x: [', /^initializing audit webhook: error loading config file "\/hook.yaml": yaml: /],
    [
      'clusters: []',
      /invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable$/,
    ],
    [
      'clusters: [{name: a, cluster: {server: "https://x"}}]\ncontexts: [{name: a, context: {cluster: a}}]\ncurrent-context: b',
      /invalid configuration: \[context was not found for specified context: b, cluster has no server defined\]$/,
    ],
    [
      'clusters: [{name: a, cluster: {server: "https://x", certificate-authority: /nope}}]\ncontexts: [{name: a, context: {cluster: a}}]\ncurrent-context: a',
      /invalid configuration: unable to read certificate-authority \/nope for a due to open \/nope: no such file or directory$/,
    ],
  ])('a file that is no use: %j', (text, message) => {
    writeFileSync(join(root, 'rootfs/hook.yaml'), text);
    expect(() => readReceiver('/hook.yaml', files)).toThrow(message);
  });
});
