/** docs/shipping/webhook-receiver.py, and what an API server's webhook backend sends it. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { tempFolder } from '../support/temp-folder';
import { needs } from './needs';
import type { Fields } from './receiver';

const folder = tempFolder();
const at = (name: string): string => join(folder, name);
const logs = at('events');
const read = (name: string): Buffer => readFileSync(at(name));

function certificates(): void {
  const openssl = (...options: string[]): unknown => execFileSync('openssl', options, { cwd: folder, stdio: 'pipe' });
  for (const ca of ['ca', 'other-ca'])
    openssl(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      `/CN=${ca}`,
      '-keyout',
      `${ca}.key`,
      '-out',
      `${ca}.pem`,
    );
  for (const [name, ca] of [
    ['server', 'ca'],
    ['client', 'ca'],
    ['stranger', 'other-ca'],
  ] as const) {
    openssl(
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-subj',
      `/CN=${name}`,
      '-addext',
      'subjectAltName=IP:127.0.0.1',
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
    );
    openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      `${ca}.pem`,
      '-CAkey',
      `${ca}.key`,
      '-copy_extensions',
      'copy',
      '-out',
      `${name}.pem`,
    );
  }
}

let child: ChildProcess | undefined;
let port: number;
let errors = '';

beforeAll(async () => {
  needs('openssl');
  needs('python3');
  certificates();
  mkdirSync(logs);
  const options = ['--listen', '127.0.0.1:0', '--cert', at('server.pem'), '--key', at('server.key')];
  child = spawn('docs/shipping/webhook-receiver.py', [...options, '--client-ca', at('ca.pem'), '--folder', logs], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
  if (child.stdout === null) throw new Error('no output');
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  port = Number(/:(\d+)$/.exec(line)?.[1]);
});
afterAll(async () => {
  if (child === undefined) return;
  const ended = once(child, 'exit');
  child.kill();
  await ended;
});

/** As the API server does: `POST /events?timeout=30s`. Resolves to the status. */
async function send(body: string, path = '/events?timeout=30s', who = 'client'): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const tls = who === 'nobody' ? {} : { cert: read(`${who}.pem`), key: read(`${who}.key`) };
    request({ host: '127.0.0.1', port, path, method: 'POST', ca: read('ca.pem'), agent: false, ...tls }, (response) => {
      response.resume().on('end', () => {
        resolve(response.statusCode);
      });
    })
      .on('error', reject)
      .setHeader('content-type', 'application/json')
      .setHeader('content-length', Buffer.byteLength(body))
      .end(body);
  });
}
const list = (events: Fields[]): string =>
  `${JSON.stringify({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1', metadata: {}, items: events })}\n`;
const written = (): Fields[] =>
  readdirSync(logs)
    .sort()
    .flatMap((name) => readFileSync(join(logs, name), 'utf8').split('\n'))
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Fields);

const events = readFileSync('fixtures/logs/course.log', 'utf8')
  .trimEnd()
  .split('\n')
  .map((line) => JSON.parse(line) as Fields);

test('every event of every batch is in the file, as it was sent', async () => {
  const long = { ...events[0], requestObject: { data: 'x'.repeat(8 << 20) } };
  const batches = [
    events.slice(0, 400),
    [long],
    events.slice(400),
    [{ ...events[0], userAgent: '監査 \u2028 \ud83d\udea2' }],
    [],
  ];
  const answers = await Promise.all(batches.map((batch) => send(list(batch))));
  expect(answers).toEqual([200, 200, 200, 200, 200]);
  const sorted = (all: Fields[]): string[] => all.map((event) => JSON.stringify(event)).sort();
  expect(sorted(written())).toEqual(sorted(batches.flat()));
});

test('what is no batch of events is refused, and none of it is written', async () => {
  const before = written().length;
  expect(await send('{"kind":"EventList","items":[')).toBe(400);
  expect(await send('{"kind":"Status"}')).toBe(400);
  expect(await send('[]')).toBe(400);
  expect(await send('{"kind":"EventList"}')).toBe(400);
  expect(await send(list(events), '/elsewhere')).toBe(404);
  expect(written().length).toBe(before);
});

test('who has no certificate, or one of another authority, is not listened to', async () => {
  const before = written().length;
  await expect(send(list(events), '/events', 'nobody')).rejects.toThrow();
  await expect(send(list(events), '/events', 'stranger')).rejects.toThrow();
  expect(written().length).toBe(before);
  expect(errors).toMatch(/certificate/i);
  expect(await send(list([]))).toBe(200);
});
