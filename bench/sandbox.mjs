/**
 * The sandbox's API server under load, with auditing on: paced requests over TLS (list, get, create, delete) against the
 * built programs, on this machine, this client included. Afterwards every request is looked for in the audit log.
 *   node bench/sandbox.mjs [SECONDS] [REQUESTS A SECOND]        after npm run build
 */
import { spawn } from 'node:child_process';
import { generateKeyPairSync, webcrypto } from 'node:crypto';
import { createReadStream, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

const DIST = fileURLToPath(new URL('../dist/sandbox/', import.meta.url));
const SECONDS = Number(process.argv[2] ?? 60);
const RATE = Number(process.argv[3] ?? 1000);
const CONNECTIONS = 16;
const KEY = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

const root = mkdtempSync(join(tmpdir(), 'kube-auditctl-bench-'));
const children = [];
try {
  await main();
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(root, { recursive: true, force: true });
}

async function main() {
  const pki = join(root, 'pki');
  const log = join(root, 'log');
  for (const folder of [pki, log, join(root, 'etcd'), join(root, 'rootfs')]) mkdirSync(folder, { recursive: true });
  const admin = await certificates(pki);
  writeFileSync(join(pki, 'policy.yaml'), 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: Request }]\n');
  const [etcdPort, port] = [await freePort(), await freePort()];
  start('etcd', 'etcd:3.6.0', [
    '--data-dir=/var/lib/etcd',
    `--listen-client-urls=http://127.0.0.1:${etcdPort}`,
    `--advertise-client-urls=http://127.0.0.1:${etcdPort}`,
  ]);
  const server = start('apiserver', 'kube-apiserver:v1.36.0', [
    '--audit-log-maxsize=20',
    '--audit-log-path=/var/log/audit/audit.log',
    '--audit-policy-file=/pki/policy.yaml',
    '--authorization-mode=Node,RBAC',
    '--bind-address=127.0.0.1',
    '--client-ca-file=/pki/ca.crt',
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    `--secure-port=${port}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    '--service-account-key-file=/pki/sa.pub',
    '--service-account-signing-key-file=/pki/sa.key',
    '--service-cluster-ip-range=10.96.0.0/12',
    '--tls-cert-file=/pki/server.crt',
    '--tls-private-key-file=/pki/server.key',
  ]);
  const agent = new Agent({
    keepAlive: true,
    maxSockets: CONNECTIONS,
    ca: readFileSync(join(pki, 'ca.crt')),
    ...admin,
  });
  const ask = asker(agent, port);
  await untilReady(ask);

  const memory = [];
  const sampler = setInterval(() => memory.push(residentMib(server.pid)), 1000);
  const { sent, times, failed } = await load(ask);
  clearInterval(sampler);
  const missing = await notLogged(log, sent);
  times.sort((a, b) => a - b);
  const at = (share) => (times[Math.floor(times.length * share)] ?? 0).toFixed(1);
  const most = (list) => Math.max(0, ...list);
  // A sample a second; before the 20th the caches fill.
  const [early, late] = [most(memory.slice(15, 20)), most(memory.slice(-5))];
  const grown = early > 0 && late > early * 1.15;
  console.log(
    `${sent.size} requests in ${SECONDS} s (${(sent.size / SECONDS).toFixed(0)} a second, wanted ${RATE}), ${failed} failed, ` +
      `${missing} not in the log; latency ms: median ${at(0.5)}, 99 % ${at(0.99)}, most ${at(0.9999)}; ` +
      `server's memory MiB: after 20 s ${early.toFixed(0)}, at the end ${late.toFixed(0)}${grown ? ': it grows' : ''}`,
  );
  if (failed > 0 || missing > 0 || sent.size < SECONDS * RATE * 0.99 || grown) process.exitCode = 1;

  function start(name, image, args) {
    const container = {
      id: name,
      podUid: name,
      podName: name,
      namespace: 'kube-system',
      name,
      image,
      argv: [name, ...args],
      mounts: [
        { containerPath: '/pki', hostPath: pki, readOnly: true, kind: 'folder' },
        { containerPath: '/var/log/audit', hostPath: log, readOnly: false, kind: 'folder' },
        { containerPath: '/var/lib/etcd', hostPath: join(root, 'etcd'), readOnly: false, kind: 'folder' },
      ],
      rootfs: join(root, 'rootfs'),
      runDir: join(root, 'run'),
      timings: { like: 'fast', speed: 30, serverStart: 300, etcdDial: 5000 },
    };
    const file = join(root, `${name}.json`);
    writeFileSync(file, JSON.stringify(container));
    const child = spawn(process.execPath, [join(DIST, `${name}.cjs`), ...args], {
      env: { ...process.env, CONTAINER_FILE: file },
      stdio: ['ignore', 'ignore', process.env.BENCH_VERBOSE ? 'inherit' : 'ignore'],
    });
    children.push(child);
    return child;
  }
}

/** Evenly paced, whatever the answers take; what could not be sent in time is sent as soon as it can. */
async function load(ask) {
  const sent = new Set();
  const times = [];
  let failed = 0;
  const begun = performance.now();
  const under = new Set();
  for (let number = 0; number < SECONDS * RATE;) {
    const due = Math.min(SECONDS * RATE, Math.floor(((performance.now() - begun) / 1000) * RATE));
    for (; number < due; number++) {
      const id = `bench-${number}`;
      sent.add(id);
      const start = performance.now();
      const one = ask(...wish(number), id).then((status) => {
        times.push(performance.now() - start);
        if (status === 0 || status >= 500) failed++;
        under.delete(one);
      });
      under.add(one);
    }
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await Promise.all(under);
  return { sent, times, failed };
}

/** Of ten requests: six reads, two lists, one create, one delete of what was created a second before. */
function wish(number) {
  const path = '/api/v1/namespaces/default/configmaps';
  const turn = Math.floor(number / 10);
  switch (number % 10) {
    case 0: {
      const metadata = { name: `bench-${turn}` };
      return ['POST', path, { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { key: 'value' } }];
    }
    case 5:
      return ['DELETE', `${path}/bench-${turn - RATE / 10}`];
    case 3:
    case 7:
      return ['GET', `${path}?limit=50`];
    default:
      return ['GET', `${path}/bench-${turn - 1}`];
  }
}

function asker(agent, port) {
  return (method, path, body, id) =>
    new Promise((resolve) => {
      if (typeof body === 'string') [id, body] = [body, undefined];
      const headers = { 'Audit-ID': id, ...(body ? { 'Content-Type': 'application/json' } : {}) };
      const sent = request({ agent, host: '127.0.0.1', port, method, path, headers }, (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode));
      });
      sent.on('error', () => resolve(0));
      sent.end(body && JSON.stringify(body));
    });
}

async function untilReady(ask) {
  const end = Date.now() + 30_000;
  while ((await ask('GET', '/readyz', 'ready')) !== 200) {
    if (Date.now() > end) throw new Error('the server does not become ready: run with BENCH_VERBOSE=1');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Requests whose last event is in none of the log's files. */
async function notLogged(folder, sent) {
  const missing = new Set(sent);
  for (const name of readdirSync(folder)) {
    for await (const line of createInterface({ input: createReadStream(join(folder, name)) })) {
      const event = JSON.parse(line);
      if (event.stage === 'ResponseComplete') missing.delete(event.auditID);
    }
  }
  return missing.size;
}

function residentMib(pid) {
  const pages = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(pages?.[1] ?? 0) / 1024;
}

async function certificates(folder) {
  x509.cryptoProvider.set(webcrypto);
  const pair = () => webcrypto.subtle.generateKey(KEY, true, ['sign', 'verify']);
  const [keys, server, admin] = [await pair(), await pair(), await pair()];
  const notAfter = new Date(Date.now() + 86_400_000);
  const common = { notBefore: new Date(Date.now() - 86_400_000), notAfter, signingAlgorithm: KEY };
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    ...common,
    name: 'CN=kubernetes',
    keys,
    extensions: [new x509.BasicConstraintsExtension(true)],
  });
  const issue = async (subject, { publicKey, privateKey }, extensions) => {
    const to = { ...common, subject, issuer: ca.subject, publicKey, signingKey: keys.privateKey, extensions };
    const cert = await x509.X509CertificateGenerator.create(to);
    const key = await webcrypto.subtle.exportKey('pkcs8', privateKey);
    return { cert: cert.toString('pem'), key: x509.PemConverter.encode(key, 'PRIVATE KEY') };
  };
  const serving = await issue('CN=kube-apiserver', server, [
    new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }]),
  ]);
  const accounts = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const files = {
    'ca.crt': ca.toString('pem'),
    'server.crt': serving.cert,
    'server.key': serving.key,
    'sa.key': accounts.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    'sa.pub': accounts.publicKey.export({ type: 'spki', format: 'pem' }),
  };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return issue('CN=admin, O=system:masters', admin, []);
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
