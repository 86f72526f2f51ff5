// kubelet.cjs --dir DIR: as little of a kubelet as `sandbox start` and `stop` can see. It notes itself, runs one process that
// it calls kube-apiserver and that outlives it, and that one answers over TLS with the certificates that were made.
const { execFileSync, spawn } = require('node:child_process');
const fs = require('node:fs');
const https = require('node:https');
const { join } = require('node:path');

const [, , option, dir, role] = process.argv;
if (option !== '--dir') throw new Error(`not --dir: ${option}`);
const { port } = JSON.parse(fs.readFileSync(join(dir, 'sandbox.json'), 'utf8'));
const run = join(dir, 'run');
const pki = join(dir, 'node/etc/kubernetes/pki');

function ticks() {
  try {
    const stat = fs.readFileSync('/proc/self/stat', 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(process.pid)], { encoding: 'utf8' }).trim();
  }
}
const own = join(run, 'processes', `${process.pid}.json`);
const note = (argv, more) => {
  const entry = { pid: process.pid, startTicks: ticks(), startedAt: Date.now(), argv, ...more };
  fs.writeFileSync(`${own}.new`, JSON.stringify(entry));
  fs.renameSync(`${own}.new`, own);
};
const file = (name) => fs.readFileSync(join(pki, name));

if (role === 'server') {
  const seen = [];
  https
    .createServer(
      { cert: file('apiserver.crt'), key: file('apiserver.key'), ca: file('ca.crt'), requestCert: true },
      (request, response) => {
        const { CN: user, O: groups } = request.socket.getPeerCertificate().subject ?? {};
        request.resume();
        if (request.method === 'POST') seen.push(request.url);
        response.statusCode = request.url === '/forbidden' ? 403 : request.method === 'POST' ? 201 : 200;
        response.end(request.url === '/readyz' ? 'ok' : JSON.stringify({ user, groups, seen }));
      },
    )
    .listen(port, '127.0.0.1', () => {
      fs.writeFileSync(join(run, 'listening', `${process.pid}.json`), JSON.stringify([port]));
      note(['kube-apiserver', `--secure-port=${port}`], { containerId: 'c1', podUid: 'u1' });
    });
} else {
  const manifest = fs.readFileSync(join(dir, 'node/etc/kubernetes/manifests/kube-apiserver.yaml'), 'utf8');
  if (manifest.includes('# broken')) process.stderr.write('no server with this manifest\n');
  else if (fs.readdirSync(join(run, 'listening')).length === 0)
    spawn(process.execPath, [__filename, '--dir', dir, 'server'], { detached: true, stdio: 'ignore' }).unref();
  note(['/usr/bin/kubelet', '--config=/var/lib/kubelet/config.yaml'], {});
  process.on('SIGTERM', () => {
    fs.rmSync(own);
    process.exitCode = 0;
    clearInterval(timer);
  });
  const timer = setInterval(() => undefined, 1000);
}
