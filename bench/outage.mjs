/**
 * How long the API is away: `enable` then `disable`, the plain way and by hand-over, on the node that KUBE_AUDITCTL_NODE
 * reaches, while an observer on the node polls /readyz every 20 ms. Prints both and their ratio.
 *   KUBE_AUDITCTL_NODE="docker exec -i kind-control-plane" node bench/outage.mjs [ROUNDS]
 * The tool must be installed there: KUBE_AUDITCTL_HOME (default /opt/kube-auditctl-e2e) holds bin, dist and test/e2e/on-node.
 */
import { spawnSync } from 'node:child_process';

const prefix = (process.env.KUBE_AUDITCTL_NODE ?? '').split(' ').filter(Boolean);
const home = process.env.KUBE_AUDITCTL_HOME ?? '/opt/kube-auditctl-e2e';
const fast = (process.env.KUBE_AUDITCTL_FAST ?? '--fast').split(' ');
const rounds = Number(process.argv[2] ?? 1);
const MANIFEST = process.env.KUBE_AUDITCTL_MANIFEST ?? '/etc/kubernetes/manifests/kube-apiserver.yaml';

if (prefix.length === 0) {
  console.error('set KUBE_AUDITCTL_NODE to a command prefix that reaches a control-plane node that can be spared');
  process.exit(2);
}

function on(command) {
  const [program, ...args] = [...prefix, ...command];
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 28 });
  if (status !== 0) throw new Error(`${command.join(' ')}: exit ${status}\n${stderr}`);
  return stdout;
}

const text = on(['cat', MANIFEST]);
const flag = (name) => new RegExp(`--${name}=(\\S+)`).exec(text)?.[1];
const host = flag('advertise-address') ?? '127.0.0.1';
const port = Number(flag('secure-port') ?? 6443);

/** Seconds without a 200, as the poller saw them, and what the tool itself says. */
function away(...args) {
  const settings = JSON.stringify({ manifest: MANIFEST, host, port, pollMs: 20, settleMs: 1000 });
  const tool = ['node', `${home}/bin/kube-auditctl`, ...args, '-o', 'json'];
  const seen = JSON.parse(on(['node', `${home}/test/e2e/on-node/observe.mjs`, settings, ...tool]));
  const report = JSON.parse(seen.stdout);
  if (seen.code !== 0) throw new Error(`${args.join(' ')}: exit ${seen.code}\n${seen.stdout}${seen.stderr}`);
  let ms = 0;
  seen.health.forEach(({ at, ok }, index) => {
    if (!ok) ms += (seen.health[index + 1]?.at ?? seen.endedAt) - at;
  });
  const how = report.handOver
    ? ` (${report.handOver.state}${report.handOver.why ? `: ${report.handOver.why}` : ''})`
    : '';
  console.log(`${args.join(' ')}: API away ${(ms / 1000).toFixed(2)} s${how}`);
  return ms / 1000;
}

const times = { plain: [], fast: [] };
for (let round = 0; round < rounds; round++) {
  for (const way of ['plain', 'fast']) {
    const options = way === 'fast' ? fast : [];
    times[way].push(away('enable', ...options), away('disable', ...options));
  }
}
const median = (list) => list.toSorted((a, b) => a - b)[list.length >> 1];
const [plain, quick] = [median(times.plain), median(times.fast)];
console.log(`plain ${plain.toFixed(2)} s, --fast ${quick.toFixed(2)} s, ratio ${(plain / quick).toFixed(1)}`);
