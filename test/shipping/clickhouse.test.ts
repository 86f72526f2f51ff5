/** docs/shipping/clickhouse.sql in ClickHouse itself, and what the shippers send there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parse } from 'yaml';
import { tempFolder } from '../support/temp-folder';
import { until } from '../support/until';
import { Receiver, type Answer, type Fields, type Post } from './receiver';
import { Rsyslog } from './rsyslog';

const course = readFileSync('fixtures/logs/course.log', 'utf8').trimEnd();
const events = course.split('\n').map((line) => JSON.parse(line) as Fields);

const engine = spawn(process.execPath, ['test/shipping/clickhouse.cjs'], { stdio: ['pipe', 'pipe', 'inherit'] });
const outcomes = createInterface({ input: engine.stdout })[Symbol.asyncIterator]();
async function query(text: string): Promise<Fields[]> {
  engine.stdin.write(`${JSON.stringify(text)}\n`);
  const { value } = await outcomes.next();
  const { rows, error } = JSON.parse((value as string | undefined) ?? '{"error":"no answer"}') as Record<
    string,
    string
  >;
  if (error !== undefined) throw new Error(error);
  return (rows ?? '')
    .split('\n')
    .filter((row) => row !== '')
    .map((row) => JSON.parse(row) as Fields);
}
/** Columns as the event has them; `undefined` for what it has not. */
const field = (event: Fields, ...path: string[]): unknown =>
  path.reduce<unknown>((value, name) => (value as Fields | undefined)?.[name], event);

beforeAll(async () => {
  if (!existsSync('test/shipping/node_modules/chdb'))
    throw new Error('ClickHouse is needed: npm install --prefix test/shipping --no-save --ignore-scripts');
  const statements = readFileSync('docs/shipping/clickhouse.sql', 'utf8').split(/;$/m);
  for (const statement of statements) if (statement.trim() !== '') await query(statement);
});
afterEach(() => query('TRUNCATE TABLE audit.events'));
afterAll(async () => {
  const ended = once(engine, 'exit');
  engine.stdin.end();
  await ended;
});

/** Every column of every event, as ClickHouse gives it back. */
async function expectAll(node: string): Promise<void> {
  const rows = await query('SELECT * FROM audit.events FINAL ORDER BY time, audit_id, stage');
  const expected = events
    .map((event) => ({
      time: (event.stageTimestamp as string).replace('T', ' ').replace('Z', ''),
      node,
      audit_id: event.auditID,
      stage: event.stage,
      level: event.level,
      user: field(event, 'user', 'username') ?? '',
      groups: field(event, 'user', 'groups') ?? [],
      impersonated_user: field(event, 'impersonatedUser', 'username') ?? '',
      verb: event.verb,
      api_group: field(event, 'objectRef', 'apiGroup') ?? '',
      resource: field(event, 'objectRef', 'resource') ?? '',
      subresource: field(event, 'objectRef', 'subresource') ?? '',
      namespace: field(event, 'objectRef', 'namespace') ?? '',
      name: field(event, 'objectRef', 'name') ?? '',
      uri: event.requestURI,
      source_ips: event.sourceIPs ?? [],
      user_agent: event.userAgent ?? '',
      code: field(event, 'responseStatus', 'code') ?? 0,
      decision: field(event, 'annotations', 'authorization.k8s.io/decision') ?? '',
    }))
    .map((row) => JSON.stringify(row));
  expect(rows.map((row) => JSON.stringify(row)).sort()).toEqual([...new Set(expected)].sort());
}

/** The HTTP interface, as far as an INSERT goes. */
async function insert({ path, body }: Post): Promise<Answer> {
  const { searchParams } = new URL(path, 'http://clickhouse');
  const settings = [...searchParams]
    .filter(([name]) => name !== 'query')
    .map(([name, value]) => `${name} = '${value}'`);
  const [into, format] = (searchParams.get('query') ?? '').split(' FORMAT ');
  try {
    await query(`${into} SETTINGS ${settings.join(', ')} FORMAT ${format}\n${body}`);
    return { status: 200, body: '' };
  } catch (error) {
    return { status: 400, body: String(error) };
  }
}

test('rsyslog to ClickHouse: every event, every column, and once although sent twice', async () => {
  const receiver = new Receiver(insert);
  await receiver.up();
  const send = async (): Promise<void> => {
    const shipper = new Rsyslog(tempFolder(), 'clickhouse', receiver.url);
    writeFileSync(join(shipper.logs, 'audit.log'), `${course}\nno JSON\n`);
    await shipper.start();
    await until(() => existsSync(shipper.refused));
    await until(
      () =>
        receiver.posts
          .map(({ body }) => body)
          .join('')
          .split('\n').length > events.length,
    );
    await shipper.stop();
  };
  try {
    await send();
    await expectAll('node-1');
    receiver.posts = [];
    await send();
    await expectAll('node-1');
    expect(receiver.problems).toEqual([]);
  } finally {
    await receiver.down();
  }
});

test('what ClickHouse refuses for good does not hold up the rest', async () => {
  const receiver = new Receiver(insert);
  await receiver.up();
  const shipper = new Rsyslog(tempFolder(), 'clickhouse', receiver.url);
  try {
    const wrong = JSON.stringify({ ...events[0], responseStatus: { code: 'no number' } });
    writeFileSync(join(shipper.logs, 'audit.log'), `${wrong}\n${course}\n`);
    await shipper.start();
    await until(() => existsSync(shipper.refused));
    await until(async () => Number((await query('SELECT count() AS n FROM audit.events'))[0]?.n) >= events.length);
    await expectAll('node-1');
    const refused = readFileSync(shipper.refused, 'utf8').trimEnd().split('\n');
    expect([...new Set(refused.map((text) => (JSON.parse(text) as { line: string }).line))]).toEqual([wrong]);
  } finally {
    await shipper.stop();
    await receiver.down();
  }
});

test("Vector's columns, read out of vector.yaml and put in as its sink does", async () => {
  const { transforms, sinks } = parse(readFileSync('docs/shipping/vector.yaml', 'utf8')) as {
    transforms: { columns: { source: string } };
    sinks: { clickhouse: Fields };
  };
  const columns = [...transforms.columns.source.matchAll(/^ *"(\w+)": event\.(.+?),?$/gm)];
  expect(columns.length).toBe(19);
  expect(sinks.clickhouse).toMatchObject({ skip_unknown_fields: true, date_time_best_effort: true });
  const rows = events.map((event) => {
    const known = { ...event, timestamp: event.stageTimestamp, node: 'node-2' };
    const row = columns.map(([, name = '', path = '']) => {
      const steps = [...path.matchAll(/"([^"]+)"|([\w]+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
      return [name, field(known, ...steps) ?? null];
    });
    return JSON.stringify(Object.fromEntries(row));
  });
  const settings = "date_time_input_format = 'best_effort', input_format_skip_unknown_fields = 1";
  await query(`INSERT INTO audit.events SETTINGS ${settings} FORMAT JSONEachRow\n${rows.join('\n')}`);
  await expectAll('node-2');
});
