/** From the log through rsyslog to OpenSearch: every event arrives, whatever happens in between. */
import { appendFileSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempFolder } from '../support/temp-folder';
import { until } from '../support/until';
import { BulkIndex, Receiver, withoutBodies, type Fields } from './receiver';
import { Rsyslog } from './rsyslog';

const course = readFileSync('fixtures/logs/course.log', 'utf8').trimEnd().split('\n');
const [template] = course.map((line) => JSON.parse(line) as Fields);
let made = 0;
/** An event of its own, with more or other fields. */
const line = (fields: Fields = {}): string =>
  JSON.stringify({ ...template, auditID: `00000000-0000-4000-8000-${String(made++).padStart(12, '0')}`, ...fields });
/** What is to arrive of a line: all of it, but for the bodies, and two fields more. */
const arrived = (text: string): Fields => {
  const event = withoutBodies(text);
  return { ...event, node: 'node-1', '@timestamp': event.stageTimestamp };
};
const sorted = (events: Fields[]): string[] => events.map((event) => JSON.stringify(event)).sort();

let index: BulkIndex;
let receiver: Receiver;
let shipper: Rsyslog;
let log: string;
let written: string[];

beforeEach(async () => {
  index = new BulkIndex();
  receiver = new Receiver((post) => index.take(post));
  await receiver.up();
  shipper = new Rsyslog(tempFolder(), 'opensearch', receiver.url);
  log = join(shipper.logs, 'audit.log');
  written = [];
});
afterEach(async () => {
  await shipper.stop();
  await receiver.down();
});

const write = (...lines: string[]): void => {
  appendFileSync(log, lines.map((text) => `${text}\n`).join(''), { mode: 0o600 });
  written.push(...lines);
};
/** As the API server rotates: another name for what is there, and a new file. */
const rotate = (): void => {
  renameSync(log, join(shipper.logs, `audit-2026-08-01T00-00-00.${String(made++).padStart(3, '0')}.log`));
  writeFileSync(log, '', { mode: 0o600 });
};
const all = async (): Promise<void> => {
  // What was killed is found again after a while: rsyslog looks through its queue first.
  await until(() => index.documents.size >= written.length, 45_000);
  const documents = [...index.documents.values()];
  expect(sorted(documents.map(({ source }) => JSON.parse(source) as Fields))).toEqual(sorted(written.map(arrived)));
  expect(receiver.problems).toEqual([]);
};

test('a log from its start, long lines and all of Unicode, through rotations', async () => {
  write(...course);
  await shipper.start();
  await all();
  for (const { index: name, source } of index.documents.values()) {
    const time = (JSON.parse(source) as { stageTimestamp: string }).stageTimestamp;
    expect(name).toBe(`kubernetes-audit-${time.slice(0, 10).replaceAll('-', '.')}`);
  }
  expect(receiver.posts[0]?.headers.authorization).toBe(`Basic ${Buffer.from('audit:secret').toString('base64')}`);

  write(line({ userAgent: 'x'.repeat(2 << 20) }), line({ requestObject: { data: 'y'.repeat(2 << 20) } }));
  write(
    line({ userAgent: 'größer 監査 🚢 \u2028 \u0000 \u007f "\\/ \t', annotations: { 'a.b/c': '', '\n': '%msg% \\n' } }),
  );
  // As deep as the API server takes objects.
  write(
    line({ requestObject: 0 }).replace(
      '"requestObject":0',
      `"requestObject":${'{"a":'.repeat(10_000)}0${'}'.repeat(10_000)}`,
    ),
  );
  rotate();
  write(...Array.from({ length: 50 }, () => line()));
  rotate();
  write(line());
  await all();
  expect(index.conflicts).toBe(0);
  expect(existsSync(shipper.refused)).toBe(false);
});

test('bodies never leave the node', async () => {
  const secret = 'bm90LWZvci10aGUtaW5kZXg=';
  write(line({ requestObject: { data: secret }, responseObject: { data: secret } }));
  await shipper.start();
  await all();
  expect(receiver.posts.map(({ body }) => body).join('')).not.toContain(secret);
});

test('what is written and rotated while it is stopped is sent when it is back', async () => {
  write(...course.slice(0, 100));
  await shipper.start();
  await all();
  await shipper.stop();
  write(line());
  rotate();
  write(line(), line());
  rotate();
  write(line());
  await shipper.start();
  await all();
  // The first line of each of the three files is sent again, see rsyslog-send.py; no other is.
  expect(index.conflicts).toBeLessThanOrEqual(3);
});

test.each([
  ['503, with a JSON answer', { status: 503, body: '{"error":{"type":"cluster_block_exception"},"status":503}' }],
  ['503, of a proxy', { status: 503, body: '<html>no</html>' }],
  ['429', { status: 429, body: '{"error":{"type":"circuit_breaking_exception"},"status":429}' }],
  ['401: a wrong password, until somebody sets it right', { status: 401, body: 'Unauthorized' }],
])('asked again while it is answered %s', async (_, answer) => {
  receiver.outOfOrder = answer;
  write(...course.slice(0, 100));
  await shipper.start();
  await until(() => receiver.refusals >= 2);
  await until(() => shipper.messages().includes(`answered ${answer.status}`));
  write(line());
  rotate();
  write(line());
  receiver.outOfOrder = undefined;
  await all();
});

test('stopped while the receiver is away: the rest is sent after the start', async () => {
  await shipper.start();
  write(line());
  await all();
  await receiver.down();
  write(...course.slice(0, 100));
  await until(() => /Connection refused/.test(shipper.messages()));
  rotate();
  write(...course.slice(100, 200));
  await shipper.stop();
  write(line());
  await receiver.up();
  await shipper.start();
  await all();
});

test('stopped at any time, with rotations and a receiver that comes and goes: nothing is lost', async () => {
  let seed = 7;
  const upTo = (end: number): number => (seed = (seed * 1103515245 + 12345) % 2 ** 31) % end;
  for (let round = 0; round < 12; round++) {
    receiver.outOfOrder = upTo(2) === 0 ? { status: 503, body: '{}' } : undefined;
    await shipper.start();
    const end = Date.now() + upTo(600);
    while (Date.now() < end) {
      write(...Array.from({ length: upTo(20) }, () => line()));
      if (upTo(12) === 0) rotate();
      await new Promise((resolve) => setTimeout(resolve, upTo(20)));
    }
    await shipper.stop();
  }
  receiver.outOfOrder = undefined;
  await shipper.start();
  await all();
});

test('a first line that rsyslog took for passed on when it was killed', async () => {
  write(line(), line());
  const [first = ''] = written;
  await shipper.start();
  await all();
  await shipper.stop();
  // As if it had never been passed on.
  for (const [id, { source }] of index.documents)
    if (source.includes((JSON.parse(first) as { auditID: string }).auditID)) index.documents.delete(id);
  expect(index.documents.size).toBe(1);
  write(line());
  await shipper.start();
  await all();
});

test('killed between the answer and the writing down of it: sent twice, indexed once', async () => {
  write(...course);
  let answered = 0;
  const slow = new Receiver(async (post) => {
    const answer = index.take(post);
    if (answered++ === 0) await new Promise((resolve) => setTimeout(resolve, 60_000).unref());
    return answer;
  });
  await slow.up();
  shipper = new Rsyslog(tempFolder(), 'opensearch', slow.url);
  log = join(shipper.logs, 'audit.log');
  writeFileSync(log, written.map((text) => `${text}\n`).join(''));
  await shipper.start();
  await until(() => index.documents.size > 0);
  await shipper.stop();
  expect(index.documents.size).toBeLessThanOrEqual(written.length);
  await shipper.start();
  await all();
  await slow.down();
  expect(index.conflicts).toBeGreaterThan(0);
});

test('a part of a batch answered 429 is asked again; 400 is written down as refused, and holds up nothing', async () => {
  const [busy, wrong] = [line(), line()];
  let times = 0;
  index.judge = ({ auditID }) => {
    if (auditID === (JSON.parse(busy) as Fields).auditID && times++ < 2) return 429;
    return auditID === (JSON.parse(wrong) as Fields).auditID ? 400 : 201;
  };
  write(line(), busy, line());
  appendFileSync(log, `${wrong}\nno JSON\n"a string"\n`);
  write(line());
  await shipper.start();
  await all();
  const refused = readFileSync(shipper.refused, 'utf8')
    .trimEnd()
    .split('\n')
    .map((text) => JSON.parse(text) as { line: string });
  expect([...new Set(refused.map((each) => each.line))].sort()).toEqual([wrong, 'no JSON', '"a string"'].sort());
});

test('an Audit-ID that a client chose hides nothing', async () => {
  const auditID = 'chosen-by-a-client';
  write(line({ auditID, verb: 'get' }), line({ auditID, verb: 'delete' }));
  await shipper.start();
  await all();
});

test('a line longer than rsyslog takes is refused in pieces, and what follows is sent', async () => {
  write(line());
  appendFileSync(log, `${line({ userAgent: 'z'.repeat(17 << 20) })}\n`);
  write(line());
  await shipper.start();
  await all();
  expect(readFileSync(shipper.refused, 'utf8')).toContain('"not an audit event');
});
