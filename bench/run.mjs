/**
 * Whole processes, side by side with a peer in the same run: the median of many starts, alternating, as a ratio.
 *   npm run bench               start-up against `node -e 0`, then the sandbox's API server under load (bench/sandbox.mjs), then
 *                               the log reader beside jq and DuckDB on one gigabyte (bench/log.mjs), which takes minutes
 * With KUBE_AUDITCTL_NODE set, `enable --dry-run` runs on the node's real manifest.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const REPO = fileURLToPath(new URL('..', import.meta.url));
const prefix = (process.env.KUBE_AUDITCTL_NODE ?? '').split(' ').filter(Boolean);
const ROUNDS = 41;

function time(command) {
  const [program, ...args] = command;
  const start = process.hrtime.bigint();
  const { status, stderr } = spawnSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const ms = Number(process.hrtime.bigint() - start) / 1e6;
  if (status !== 0) throw new Error(`${command.join(' ')}: exit ${status}\n${stderr}`);
  return ms;
}

/** Alternating, so that whatever else the machine does falls on both. */
function compare(name, ours, peer, limit) {
  const times = { ours: [], peer: [] };
  for (let round = 0; round < ROUNDS; round++) {
    times.peer.push(time(peer));
    times.ours.push(time(ours));
  }
  const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
  const [a, b] = [median(times.ours), median(times.peer)];
  const ratio = a / b;
  console.log(
    `${name}: ${a.toFixed(1)} ms, peer ${b.toFixed(1)} ms, ratio ${ratio.toFixed(2)} (limit ${limit})${ratio > limit ? '  OVER' : ''}`,
  );
  if (ratio > limit) process.exitCode = 1;
}

const local = [process.execPath, `${REPO}bin/kube-auditctl`];
compare('--version', [...local, '--version'], [process.execPath, '-e', '0'], 1.6);
if (prefix.length > 0) {
  const home = process.env.KUBE_AUDITCTL_HOME ?? '/opt/kube-auditctl-e2e';
  compare(
    'enable --dry-run on the node',
    // A rehearsal takes the time that the node's own server needs to start.
    [...prefix, 'node', `${home}/bin/kube-auditctl`, 'enable', '--dry-run', '--no-rehearse'],
    [...prefix, 'node', '-e', '0'],
    3,
  );
} else console.log('enable --dry-run: set KUBE_AUDITCTL_NODE to a command prefix that reaches a control-plane node');

for (const other of ['sandbox.mjs', 'log.mjs']) {
  const { status } = spawnSync(process.execPath, [`${REPO}bench/${other}`], { stdio: 'inherit' });
  if (status !== 0) process.exitCode = 1;
}
