/** Written by a process of its own, as the bundle does it, and read again by DuckDB. */
import { DuckDBInstance } from '@duckdb/node-api';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { AuditEvent } from '../../../src/core/auditlog/event';
import { bundle } from '../../support/bundle';
import { tempFolder } from '../../support/temp-folder';

const COURSE = 'fixtures/logs/course.log';
const PATH = join(tempFolder(), 'events.parquet');
let answer: { rows: number; bytes: number };

const write = (path: string, log = COURSE): string =>
  execFileSync(
    process.execPath,
    [
      bundle(`
        import { readFileSync } from 'node:fs';
        import { writeParquet } from './src/system/log/parquet';
        const lines = readFileSync(process.argv[2], 'utf8').trimEnd().split('\\n');
        const events = (async function* () { for (const line of lines) yield JSON.parse(line); })();
        writeParquet(process.argv[3], events).then((done) => console.log(JSON.stringify(done)), (error) => console.log(JSON.stringify({ code: error.code })));
      `),
      log,
      path,
    ],
    { encoding: 'utf8' },
  );

beforeAll(() => {
  answer = JSON.parse(write(PATH)) as never;
});

const events = readFileSync(COURSE, 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as AuditEvent);

async function ask(sql: string, path = PATH): Promise<unknown[]> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(sql.replace('LOG', `'${path}'`))).getRowsJson();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

test('every event with its columns', async () => {
  expect(answer.rows).toBe(events.length);
  const rows = await ask(
    'select audit_id, stage, "user", groups, verb, resource, name, code, epoch_us(time)::varchar, source_ips from LOG',
  );
  const micros = (text: string): string => String(BigInt(Date.parse(text)) * 1000n + BigInt(text.slice(23, 26)));
  expect(rows).toEqual(
    events.map((e) => [
      e.auditID,
      e.stage,
      e.user?.username ?? null,
      e.user?.groups ?? null,
      e.verb,
      e.objectRef?.resource ?? null,
      e.objectRef?.name ?? null,
      e.responseStatus?.code ?? null,
      micros(e.stageTimestamp!),
      e.sourceIPs,
    ]),
  );
});

test('bodies and annotations are JSON', async () => {
  const rows = (await ask('select request_object, annotations from LOG')) as [string | null, string | null][];
  expect(rows.map(([body]) => (body === null ? undefined : (JSON.parse(body) as unknown)))).toEqual(
    events.map((e) => e.requestObject),
  );
  expect(rows.map(([, each]) => (each === null ? undefined : (JSON.parse(each) as unknown)))).toEqual(
    events.map((e) => e.annotations),
  );
});

test('whole or not at all', () => {
  expect(readdirSync(dirname(PATH))).toEqual(['events.parquet']);
  expect(JSON.parse(write('/nowhere/x.parquet'))).toEqual({ code: 'not-found' });
  expect(existsSync('/nowhere')).toBe(false);
});

test('what is of a wrong type is JSON text, or nothing', async () => {
  const log = join(tempFolder(), 'odd.log');
  const path = join(tempFolder(), 'odd.parquet');
  writeFileSync(
    log,
    [
      {
        auditID: 'a',
        sourceIPs: '1.2.3.4',
        user: { username: 5, groups: [1, null, {}] },
        responseStatus: { code: 1e20 },
      },
      { auditID: 'b', sourceIPs: [1, null], user: 'x', requestURI: 3, annotations: 'y' },
    ]
      .map((event) => `${JSON.stringify(event)}\n`)
      .join(''),
  );
  expect(JSON.parse(write(path, log))).toMatchObject({ rows: 2 });
  expect(await ask('select audit_id, source_ips, "user", groups, code, uri from LOG', path)).toEqual([
    ['a', ['1.2.3.4'], '5', ['1', 'null', '{}'], null, null],
    ['b', ['1', 'null'], 'x', null, null, '3'],
  ]);
});

test('an event with nothing in it is a row too', async () => {
  const folder = tempFolder();
  const [log, path] = [join(folder, 'audit.log'), join(folder, 'events.parquet')];
  writeFileSync(log, '{}\n{}\n');
  expect((JSON.parse(write(path, log)) as { rows: number }).rows).toBe(2);
  expect(await ask('select count(*)::int as rows, count(audit_id)::int as ids from LOG', path)).toEqual([[2, 0]]);
});
