/**
 * The policy commands in bulk, each beside a peer that only reads the same input, in the same run: a ratio of whole
 * processes, start-up included.
 *   node bench/policy.mjs       after npm run build
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const TOOL = fileURLToPath(new URL('../bin/kube-auditctl', import.meta.url));
const REQUESTS = 500_000;
const EVENTS = 200_000;
const ROUNDS = 3;

/** JSON.parse of every line, and nothing else. */
const PEER = `
  const text = require('node:fs').readFileSync(process.argv[1], 'utf8');
  let count = 0;
  for (const line of text.split('\\n')) if (line !== '') { JSON.parse(line); count++; }
  console.log(count);`;

const folder = mkdtempSync(join(tmpdir(), 'kube-auditctl-bench-'));
try {
  const requests = join(folder, 'requests.jsonl');
  const log = join(folder, 'audit.log');
  writeFileSync(requests, Array.from({ length: REQUESTS }, (_, i) => request(i)).join(''));
  writeFileSync(log, Array.from({ length: EVENTS }, (_, i) => event(i)).join(''));
  const megabytes = statSync(log).size / 1e6;
  compare(
    'explain --requests',
    ['policy', 'explain', 'preset:recommended', '--requests', requests],
    requests,
    (seconds) => `${Math.round(REQUESTS / seconds)} decisions a second`,
  );
  compare(
    'replay',
    ['policy', 'replay', 'preset:recommended', '--log', log],
    log,
    (seconds) => `${Math.round(megabytes / seconds)} MB a second`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Alternating; the median counts. */
function compare(name, args, file, rate) {
  const times = { ours: [], peer: [] };
  for (let round = 0; round < ROUNDS; round++) {
    times.peer.push(time(['-e', PEER, file]));
    times.ours.push(time([TOOL, ...args]));
  }
  const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
  const [ours, peer] = [median(times.ours), median(times.peer)];
  console.log(
    `${name}: ${ours.toFixed(2)} s, ${rate(ours)}; JSON.parse of the same lines ${peer.toFixed(2)} s, ratio ${(ours / peer).toFixed(2)}`,
  );
}

function time(args) {
  const start = process.hrtime.bigint();
  const { status, stderr } = spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  if (status !== 0) throw new Error(`${args.join(' ')}: exit ${status}\n${stderr}`);
  return Number(process.hrtime.bigint() - start) / 1e9;
}

function request(i) {
  const user = ['alice', 'system:kube-scheduler', 'system:node:worker-1', 'system:serviceaccount:prod:app'][i % 4];
  const resource = ['pods', 'secrets', 'configmaps', 'events', 'endpoints'][i % 5];
  const verb = ['get', 'list', 'watch', 'create', 'update', 'patch', 'delete'][i % 7];
  return `${JSON.stringify({ user, groups: ['system:authenticated'], verb, apiGroup: '', apiVersion: 'v1', resource, subresource: '', name: `n${i % 97}`, namespace: 'prod' })}\n`;
}

function event(i) {
  const { user, groups, verb, resource, name, namespace } = JSON.parse(request(i));
  const at = new Date(Date.UTC(2026, 0, 1) + i * 50).toISOString().replace('Z', '000Z');
  return `${JSON.stringify({
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'RequestResponse',
    auditID: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
    stage: 'ResponseComplete',
    requestURI: `/api/v1/namespaces/${namespace}/${resource}/${name}`,
    verb,
    user: { username: user, groups },
    sourceIPs: ['10.0.0.7'],
    userAgent: 'kubectl/v1.36.0 (linux/amd64)',
    objectRef: { resource, namespace, name, apiVersion: 'v1' },
    responseStatus: { metadata: {}, code: 200 },
    responseObject: {
      kind: 'Pod',
      apiVersion: 'v1',
      metadata: { name, namespace, labels: { app: 'x'.repeat(i % 900) } },
    },
    requestReceivedTimestamp: at,
    stageTimestamp: at,
    annotations: { 'authorization.k8s.io/decision': 'allow' },
  })}\n`;
}
