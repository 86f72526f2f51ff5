import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { apiServer, type TestServer } from '../support/api-server';
import { bundle } from '../support/bundle';
import { kubeconfig } from '../support/certificates';
import { tempFolder } from '../support/temp-folder';

/** In a process of its own: @kubernetes/client-node is an ES module, and loaded lazily as it is in the real thing. */
const script = bundle(`
  import { createCluster } from './src/system/lazy-cluster';
  const [root, host, port, nodeName] = process.argv.slice(2);
  const cluster = createCluster({ root, timeoutMs: 3000 });
  const endpoint = { host, port: Number(port) };
  const pod = { namespace: 'kube-system', podName: 'kube-apiserver', nodeName };
  console.log(JSON.stringify({
    pod: await cluster.mirrorPod(endpoint, pod),
    ready: await cluster.nodeReady(endpoint, nodeName),
    count: await cluster.controlPlaneNodes(endpoint),
  }));
`);

async function askAll(root: string, endpoint: TestServer['endpoint']): Promise<unknown> {
  const args = [script, root, endpoint.host, String(endpoint.port), 'CP1'];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout);
}

function nodeWithAdmin(): string {
  const root = tempFolder();
  mkdirSync(join(root, 'etc/kubernetes'), { recursive: true });
  writeFileSync(join(root, 'etc/kubernetes/admin.conf'), kubeconfig());
  return root;
}

const pod = {
  metadata: { annotations: { 'kubernetes.io/config.hash': 'aa', 'kubernetes.io/config.mirror': 'bb' } },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
};
const on = (nodeName: string) => ({ spec: { nodeName } });
const answers: Record<string, unknown> = {
  '/api/v1/namespaces/kube-system/pods/kube-apiserver-cp1': pod,
  '/api/v1/nodes/CP1': { status: { conditions: [{ type: 'Ready', status: 'False' }] } },
  '/api/v1/namespaces/kube-system/pods?labelSelector=component%3Dkube-apiserver': {
    items: [on('cp1'), on('cp2'), on('cp2')],
  },
};

test('the mirror pod, the node, and how many there are', async () => {
  const server = await apiServer();
  server.answer = (req, res) => {
    const answer = answers[req.url ?? ''];
    res.statusCode = answer === undefined ? 404 : 200;
    res.setHeader('Content-Type', 'application/json');
    res.end(JSON.stringify(answer ?? {}));
  };
  expect(await askAll(nodeWithAdmin(), server.endpoint)).toEqual({
    pod: { uid: 'aa', mirrorHash: 'bb', phase: 'Running', ready: true },
    ready: false,
    count: 2,
  });
  expect(server.client).toBe('kubernetes-admin');
});

test('nothing is told where there is no answer, no credentials, or nobody', async () => {
  const server = await apiServer();
  server.answer = (_, res) => res.writeHead(403).end('{}');
  expect(await askAll(nodeWithAdmin(), server.endpoint)).toEqual({});
  expect(await askAll(tempFolder(), server.endpoint)).toEqual({});
  expect(await askAll(nodeWithAdmin(), { host: '127.0.0.1', port: 1 })).toEqual({});
});
