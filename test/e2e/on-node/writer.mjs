// Runs on the node: writer.mjs OPTIONS-AS-JSON. Creates ConfigMaps one after the other, with retries, until the file
// `stop` exists; prints the names that the API server acknowledged, and the longest time between two of them.
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:https';

const { host, port, stop, namespace, label } = JSON.parse(process.argv[2]);
const config = readFileSync('/etc/kubernetes/admin.conf', 'utf8');
const data = (key) => Buffer.from(new RegExp(`${key}: (\\S+)`).exec(config)[1], 'base64');
const tls = {
  ca: data('certificate-authority-data'),
  cert: data('client-certificate-data'),
  key: data('client-key-data'),
  checkServerIdentity: () => undefined,
};

function create(name) {
  const body = JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, labels: { [label]: 'yes' } } });
  return new Promise((resolve) => {
    const sent = request(
      {
        ...tls,
        host,
        port,
        method: 'POST',
        path: `/api/v1/namespaces/${namespace}/configmaps`,
        headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) },
        timeout: 5000,
      },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode));
        response.on('error', () => resolve(0));
      },
    );
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => resolve(0));
    sent.end(body);
  });
}

const acknowledged = [];
let failures = 0;
let last = Date.now();
let longestGapMs = 0;
for (let n = 0; !existsSync(stop); n++) {
  const name = `${label}-${n}`;
  for (;;) {
    const status = await create(name);
    // 409: an earlier try was done, its answer lost.
    if (status === 201 || status === 409) {
      longestGapMs = Math.max(longestGapMs, Date.now() - last);
      last = Date.now();
      acknowledged.push(name);
      break;
    }
    failures++;
    if (existsSync(stop)) break;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
process.stdout.write(`${JSON.stringify({ acknowledged, failures, longestGapMs })}\n`);
