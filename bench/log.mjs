/**
 * The log reader beside jq and DuckDB's read_json: the same answer, in the same run, by turns, with a warm cache; each timed
 * as a whole process. What DuckDB's query takes within its own is told as well.
 *   node bench/log.mjs [MEGABYTES]      after npm run build; needs jq, and as much room in the temporary folder
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  appendFileSync,
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const REPO = fileURLToPath(new URL('..', import.meta.url));
const TOOL = join(REPO, 'bin/kube-auditctl');
const SIZE = Number(process.argv[2] ?? 1000) * 1e6;
const ROUNDS = 3;
const DAYS = 30;
/** The most that a command may take, in 10^6 bytes. */
const MEMORY = 150;
const folder = mkdtempSync(join(tmpdir(), 'kube-auditctl-bench-'));
const log = join(folder, 'audit.log');

try {
  generate();
  console.log(`${(statSync(log).size / 1e6).toFixed(0)} MB, made of a log recorded on a real node`);
  compare(
    'delete of Secrets',
    ['query', log, '--verb', 'delete', '-r', 'secrets', '--stage', 'ResponseComplete', '--fields', 'id', '-o', 'csv'],
    (text) => digest(text.split('\r\n').slice(1, -1)),
    'select(.verb == "delete" and .objectRef.resource == "secrets" and .stage == "ResponseComplete") | .auditID',
    (text) => digest(text.trimEnd().split('\n')),
    `select auditID from LOG where verb = 'delete' and objectRef.resource = 'secrets' and stage = 'ResponseComplete'`,
    (rows) => digest(rows.map(([id]) => id)),
    { jq: 15, duckdb: 1 },
  );
  const counted = (rows) =>
    digest(rows.map(([user, verb, resource, count]) => JSON.stringify([user, verb, resource, Number(count)])));
  compare(
    'top --by user,verb,resource',
    ['top', log, '--by', 'user,verb,resource', '--stage', 'all', '--limit', '0', '-o', 'jsonl'],
    (text) =>
      counted(
        text
          .trimEnd()
          .split('\n')
          .map((line) => Object.values(JSON.parse(line))),
      ),
    '[.user.username, .verb, .objectRef.resource] | tostring',
    (text) => {
      const counts = new Map();
      for (const key of text.trimEnd().split('\n')) counts.set(key, (counts.get(key) ?? 0) + 1);
      return counted([...counts].map(([key, count]) => [...JSON.parse(key), count]));
    },
    `select "user".username, verb, objectRef.resource, count(*) from LOG group by all`,
    counted,
    { jq: 8, duckdb: 1 / 1.5 },
  );
  since();
  await memory();
  await follow();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Recorded events over thirty days, with names, users and ids of their own. */
function generate() {
  const events = readFileSync(join(REPO, 'fixtures/logs/course.log'), 'utf8').trimEnd().split('\n');
  const templates = events.map((line) => {
    const { auditID, requestReceivedTimestamp, stageTimestamp } = JSON.parse(line);
    const took = Date.parse(stageTimestamp) - Date.parse(requestReceivedTimestamp);
    return { line, auditID, requestReceivedTimestamp, stageTimestamp, took };
  });
  const average = events.reduce((sum, line) => sum + line.length + 1, 0) / events.length;
  const step = (DAYS * 86_400_000) / (SIZE / average);
  const start = Date.now() - DAYS * 86_400_000;
  const fd = openSync(log, 'w');
  let state = 1;
  const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0);
  let block = [];
  let size = 0;
  // What all stages of a request have in common.
  let requests = new Map();
  for (let at = 0, time = start; time < start + DAYS * 86_400_000 - 60_000; at++, time += step) {
    const { line, auditID, requestReceivedTimestamp, stageTimestamp, took } = templates[at % templates.length];
    if (at % templates.length === 0) requests = new Map();
    const stamp = (ms) => new Date(ms).toISOString().replace('Z', String(at % 1000).padStart(3, '0') + 'Z');
    if (!requests.has(auditID)) requests.set(auditID, { number: random() % 40, received: stamp(time - took) });
    const { number, received } = requests.get(auditID);
    const id =
      auditID.slice(0, -8) +
      Math.floor(at / templates.length)
        .toString(16)
        .padStart(8, '0');
    block.push(
      line
        .replace(auditID, id)
        .replaceAll(requestReceivedTimestamp, received)
        .replaceAll(stageTimestamp, stamp(time))
        .replaceAll('"alice"', `"alice${number}"`)
        .replaceAll('"production"', `"production-${number % 7}"`),
    );
    size += line.length;
    if (size > 4e6) {
      writeSync(fd, block.join('\n') + '\n');
      block = [];
      size = 0;
    }
  }
  writeSync(fd, block.join('\n') + '\n');
  closeSync(fd);
}

function digest(lines) {
  return `${lines.length} ${createHash('sha256')
    .update([...lines].sort().join('\n'))
    .digest('hex')
    .slice(0, 16)}`;
}

function run(program, args) {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(program, args, { maxBuffer: 1 << 30, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: exit ${status}\n${stderr}`);
  return { ms: performance.now() - start, text: stdout, stderr };
}

function compare(name, ours, oursAnswer, filter, jqAnswer, sql, sqlAnswer, wanted) {
  const columns = `{verb: 'VARCHAR', stage: 'VARCHAR', auditID: 'VARCHAR', "user": 'STRUCT(username VARCHAR)', objectRef: 'STRUCT(resource VARCHAR)'}`;
  const source = `read_json('${log}', format = 'newline_delimited', maximum_object_size = 67108864, columns = ${columns})`;
  const times = { ours: [], jq: [], duckdb: [], query: [] };
  for (let round = 0; round < ROUNDS; round++) {
    const one = run(process.execPath, [TOOL, 'log', ...ours]);
    const peer = run(process.execPath, [join(REPO, 'bench/duckdb.mjs'), sql.replace('LOG', source)]);
    const rows = JSON.parse(peer.text);
    times.duckdb.push(peer.ms);
    times.query.push(Number(peer.stderr));
    const two = run(process.execPath, [TOOL, 'log', ...ours]);
    times.ours.push(one.ms, two.ms);
    const answers = [oursAnswer(one.text), oursAnswer(two.text), sqlAnswer(rows)];
    if (round === 0) {
      const { ms, text } = run('jq', ['-c', '-r', filter, log]);
      times.jq.push(ms);
      answers.push(jqAnswer(text));
    }
    if (new Set(answers).size !== 1) throw new Error(`${name}: the answers differ: ${answers.join(', ')}`);
  }
  const middle = (list) => list.sort((a, b) => a - b)[list.length >> 1];
  const [a, b, c, d] = [times.ours, times.jq, times.duckdb, times.query].map(middle);
  const verdict = (ratio, limit) => `${ratio.toFixed(2)}x as fast${ratio < limit ? `  UNDER ${limit.toFixed(2)}` : ''}`;
  console.log(
    `${name}: ${(a / 1000).toFixed(2)} s; jq ${(b / 1000).toFixed(2)} s: ${verdict(b / a, wanted.jq)}; DuckDB ${(c / 1000).toFixed(2)} s (its query ${(d / 1000).toFixed(2)} s): ${verdict(c / a, wanted.duckdb)}`,
  );
  if (b / a < wanted.jq || c / a < wanted.duckdb) process.exitCode = 1;
}

function since() {
  const { ms, text } = run(process.execPath, [
    TOOL,
    'log',
    'query',
    log,
    '--since',
    '1h',
    '--fields',
    'id',
    '-o',
    'json',
  ]);
  const { files, count } = JSON.parse(text);
  const share = files[0].bytes / statSync(log).size;
  console.log(
    `--since 1h of ${DAYS} days: ${count} requests in ${ms.toFixed(0)} ms, ${(share * 100).toFixed(2)} % of the bytes (limit 2 %)`,
  );
  if (share > 0.02) process.exitCode = 1;
}

/** The most that a whole process takes, threads included: of every command, and of logs that are hard on a reader. */
async function memory() {
  const packed = join(folder, 'packed.log.gz');
  const unfinished = join(folder, 'unfinished.log');
  openEnded(unfinished, SIZE / 10);
  writeFileSync(packed, gzipSync(readFileSync(unfinished), { level: 1 }));
  const all = log;
  for (const [name, args, options = {}] of [
    ['query --code 4xx', ['query', all, '--code', '4xx', '-o', 'csv']],
    ['query of everything', ['query', all, '-o', 'jsonl']],
    ['query of everything, read by nobody', ['query', all, '-o', 'jsonl'], { isSlow: true }],
    ['query --last 100000', ['query', all, '--last', '100000', '-o', 'jsonl']],
    ['top', ['top', all]],
    ['who read secrets', ['who', 'read', 'secrets', all]],
    ['report', ['report', all, '--html', join(folder, 'report.html')]],
    ['export', ['export', all, '--parquet', join(folder, 'log.parquet')]],
    ['query of a log without a single answer', ['query', unfinished, '-o', 'jsonl']],
    ['top of it', ['top', unfinished]],
    ['query of it, gzipped', ['query', packed, '-o', 'jsonl']],
    ['report of it, gzipped', ['report', packed, '-o', 'json']],
    ['query of it, from standard input', ['query', '-', '-o', 'jsonl'], { input: unfinished }],
  ]) {
    const { megabytes, seconds, code } = await peak(args, options);
    const isOver = megabytes > MEMORY || (code !== 0 && options.isSlow !== true);
    console.log(
      `memory of log ${name}: ${megabytes.toFixed(0)} MB (limit ${MEMORY}), ${seconds.toFixed(1)} s${isOver ? `  OVER, or exit ${code}` : ''}`,
    );
    if (isOver) process.exitCode = 1;
  }
}

async function peak(args, { isSlow = false, input }) {
  const start = performance.now();
  const stdin = input === undefined ? 'ignore' : openSync(input, 'r');
  const child = spawn(process.execPath, [TOOL, 'log', ...args], {
    stdio: [stdin, isSlow ? 'pipe' : 'ignore', 'inherit'],
  });
  if (input !== undefined) closeSync(stdin);
  let most = 0;
  // A reader that is slow (`| less`): what it has not taken must not pile up here.
  if (isSlow) setTimeout(() => child.kill(), 5000);
  const timer = setInterval(() => {
    try {
      most = Math.max(most, Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0));
    } catch {
      // It has ended.
    }
  }, 10);
  const code = await new Promise((resolve) => child.on('close', resolve));
  clearInterval(timer);
  return { megabytes: (most * 1024) / 1e6, seconds: (performance.now() - start) / 1000, code };
}

/** Requests that were received, and never answered: all of them wait for a later stage. */
function openEnded(path, size) {
  const fd = openSync(path, 'w');
  const templates = readFileSync(join(REPO, 'fixtures/logs/course.log'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  for (let at = 0, written = 0; written < size;) {
    const block = Array.from({ length: 2000 }, () => {
      const event = templates[at % templates.length];
      const auditID = `${at.toString(16).padStart(8, '0')}${event.auditID.slice(8)}`;
      at++;
      return JSON.stringify({ ...event, auditID, stage: 'RequestReceived' });
    });
    written += writeSync(fd, `${block.join('\n')}\n`);
  }
  closeSync(fd);
}

/** From the write of an event to its line on our standard output; ten thousand across rotations. */
async function follow() {
  const path = join(folder, 'live', 'audit.log');
  const live = join(folder, 'live');
  spawnSync('mkdir', [live]);
  writeFileSync(path, '');
  const child = spawn(process.execPath, [TOOL, 'log', 'follow', path, '-o', 'jsonl', '--fields', 'id'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const written = new Map();
  const delays = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) delays.push(performance.now() - written.get(JSON.parse(line).id));
  });
  const template = readFileSync(join(REPO, 'fixtures/logs/course.log'), 'utf8')
    .split('\n')
    .find((line) => line.includes('"ResponseComplete"'));
  const { auditID } = JSON.parse(template);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  for (let at = 0; at < 10_000; at++) {
    written.set(`id-${at}`, performance.now());
    appendFileSync(path, `${template.replace(auditID, `id-${at}`)}\n`);
    if (at % 900 === 899)
      renameSync(path, join(live, `audit-${new Date(at * 1000).toISOString().replaceAll(':', '-').slice(0, -1)}.log`));
    if (at % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  }
  for (let waited = 0; delays.length < 10_000 && waited < 5000; waited += 50)
    await new Promise((resolve) => setTimeout(resolve, 50));
  child.kill('SIGINT');
  const code = await new Promise((resolve) => child.on('close', resolve));
  delays.sort((a, b) => a - b);
  const at = (share) => delays[Math.min(delays.length - 1, Math.floor(delays.length * share))]?.toFixed(0);
  console.log(
    `follow: ${delays.length} of 10000 events across 11 rotations; shown after ${at(0.5)} ms (half), ${at(0.99)} ms (99 %), ${at(1)} ms (all; limit 200); exit ${code}`,
  );
  if (delays.length !== 10_000 || delays.at(-1) > 200 || code !== 0) process.exitCode = 1;
}
