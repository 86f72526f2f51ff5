/** What people type, typed by the real kubectl: against the back of the API server, over plain HTTP. */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RestApi } from '../../src/sandbox/apiserver/contract';
import { openMemoryRest, serveRest } from '../sandbox/support/rest-front';
import { tempFolder } from '../support/temp-folder';
import { until } from '../support/until';

const KUBECTL = process.env.KUBECTL ?? 'kubectl';
const clientMinor = minorOfClient();

let rest: RestApi;
let server: { url: string; close: () => Promise<void> };
let home: string;

beforeAll(async () => {
  home = tempFolder();
  // Of the client's own age: a server says no to fewer things when the two have grown up together.
  rest = await openMemoryRest({ gitVersion: `v1.${clientMinor}.0` });
  server = await serveRest(rest);
});
afterAll(async () => {
  await server.close();
  await rest.close();
});

interface Ran {
  code: number;
  out: string;
  err: string;
}

const base = () => [`--server=${server.url}`, '--kubeconfig=/dev/null', `--cache-dir=${join(home, 'cache')}`];
const env = () => ({ ...process.env, HOME: home });

const run = (...args: string[]) => runWith({}, ...args);

function runWith(more: Record<string, string>, ...args: string[]): Promise<Ran> {
  return new Promise((resolve) => {
    execFile(KUBECTL, [...base(), ...args], { env: { ...env(), ...more }, timeout: 30_000 }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), out: out.trim(), err: err.trim() });
    });
  });
}

/** What it printed; it must have gone well. */
async function kubectl(...args: string[]): Promise<string> {
  const { code, out, err } = await run(...args);
  if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${err}`);
  return out;
}

function manifest(text: string): string {
  const path = join(tempFolder(), 'manifest.yaml');
  writeFileSync(path, text);
  return path;
}

test('get, create, label, annotate, delete a secret; its value arrives as it was given', async () => {
  expect(await kubectl('create', 'secret', 'generic', 's', '--from-literal=password=grün')).toBe('secret/s created');
  expect(await kubectl('get', 'secret', 's', '-o', 'jsonpath={.data.password} {.type}')).toBe('Z3LDvG4= Opaque');
  expect(await kubectl('get', 'secrets')).toMatch(/^NAME +TYPE +DATA +AGE\ns +Opaque +1 +\d+s$/);
  await kubectl('label', 'secret', 's', 'team=red');
  await kubectl('annotate', 'secret', 's', 'note=a b');
  expect(await kubectl('get', 'secret', '-l', 'team=red', '-o', 'jsonpath={.items[*].metadata.annotations.note}')).toBe(
    'a b',
  );
  expect(await kubectl('delete', 'secret', 's')).toMatch(/^secret "s" deleted/);
  const gone = await run('get', 'secret', 's');
  expect(gone).toMatchObject({ code: 1, err: 'Error from server (NotFound): secrets "s" not found' });
});

test('a deployment: create, scale, set image, describe, wide, delete', async () => {
  await kubectl('create', 'deployment', 'web', '--image=nginx:1');
  expect(await kubectl('scale', 'deployment', 'web', '--replicas=3')).toBe('deployment.apps/web scaled');
  await kubectl('set', 'image', 'deployment/web', 'nginx=nginx:2');
  expect(await kubectl('get', 'deploy', 'web', '-o', 'wide', '--no-headers')).toMatch(
    /^web +0\/3 +0 +0 +\d+s +nginx +nginx:2 +app=web$/,
  );
  expect(await kubectl('describe', 'deployment', 'web')).toContain('3 desired | 0 updated | 0 total');
  expect(await kubectl('get', 'deploy', 'web', '-o', 'jsonpath={.metadata.generation}')).toBe('3');
  await kubectl('delete', 'deployment', 'web');
});

test('apply, diff, apply again, server-side apply with its conflict, replace, patches of every type', async () => {
  const file = manifest('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app}\ndata: {a: "1", b: "1"}\n');
  const data = () => kubectl('get', 'cm', 'app', '-o', 'jsonpath={.data}');
  expect(await kubectl('apply', '-f', file)).toBe('configmap/app created');
  writeFileSync(file, readFileSync(file, 'utf8').replace('a: "1", b: "1"', 'a: "2"'));
  expect((await run('diff', '-f', file)).out).toContain('+  a: "2"');
  expect(await kubectl('apply', '-f', file, '--dry-run=server')).toBe('configmap/app configured (server dry run)');
  expect(JSON.parse(await data())).toEqual({ a: '1', b: '1' });
  expect(await kubectl('apply', '-f', file)).toBe('configmap/app configured');
  expect(JSON.parse(await data())).toEqual({ a: '2' });
  expect(await kubectl('apply', '-f', file)).toBe('configmap/app unchanged');
  writeFileSync(file, readFileSync(file, 'utf8').replace('a: "2"', 'a: "3"'));
  const conflict = await run('apply', '--server-side', '--field-manager=other', '-f', file);
  expect(conflict.err).toContain(
    'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using v1: .data.a',
  );
  await kubectl('apply', '--server-side', '--field-manager=other', '--force-conflicts', '-f', file);
  await kubectl('patch', 'cm', 'app', '--type=json', '-p', '[{"op":"add","path":"/data/b","value":"4"}]');
  await kubectl('patch', 'cm', 'app', '--type=merge', '-p', '{"data":{"c":"5"}}');
  await kubectl('patch', 'cm', 'app', '-p', '{"data":{"d":"6"}}');
  expect(JSON.parse(await data())).toEqual({ a: '3', b: '4', c: '5', d: '6' });
  await kubectl('replace', '-f', file);
  expect(JSON.parse(await data())).toEqual({ a: '3' });
});

test('edit with a real editor', async () => {
  await kubectl('create', 'configmap', 'edited', '--from-literal=a=1');
  const editor = join(tempFolder(), 'editor');
  writeFileSync(editor, '#!/bin/sh\nsed -i "s/a: .*/a: changed/" "$1"\n', { mode: 0o755 });
  const edited = await runWith({ KUBE_EDITOR: editor }, 'edit', 'configmap', 'edited');
  expect(edited).toMatchObject({ code: 0, out: 'configmap/edited edited' });
  expect(await kubectl('get', 'cm', 'edited', '-o', 'jsonpath={.data.a}')).toBe('changed');
});

test('roles, bindings, accounts, namespaces', async () => {
  await kubectl('create', 'namespace', 'shop');
  await kubectl('create', 'serviceaccount', 'bot', '-n', 'shop');
  await kubectl('create', 'role', 'reader', '--verb=get,list', '--resource=pods,deployments.apps', '-n', 'shop');
  await kubectl(
    'create',
    'rolebinding',
    'readers',
    '--role=reader',
    '--user=jane',
    '--serviceaccount=shop:bot',
    '-n',
    'shop',
  );
  expect(await kubectl('get', 'rolebinding', '-n', 'shop', '-o', 'wide', '--no-headers')).toMatch(
    /^readers +Role\/reader +\d+s +jane +shop\/bot$/,
  );
  await kubectl('create', 'clusterrolebinding', 'all', '--clusterrole=view', '--group=devs');
  expect(await kubectl('auth', 'can-i', 'get', 'pods')).toBe('yes');
  expect(await kubectl('auth', 'can-i', '--list')).toContain('*.*');
  await kubectl('delete', 'namespace', 'shop');
  expect((await run('get', 'namespace', 'shop')).err).toContain('namespaces "shop" not found');
});

test('run, get as a table, describe, delete a pod', async () => {
  await kubectl('run', 'p', '--image=nginx:1', '--labels=x=y');
  expect(await kubectl('get', 'pods', '-o', 'wide', '--no-headers')).toMatch(
    /^p +0\/1 +Pending +0 +\d+s +<none> +<none> +<none> +<none>$/,
  );
  expect(await kubectl('get', 'pods', '--field-selector=status.phase=Running')).toBe('');
  expect(await kubectl('describe', 'pod', 'p')).toContain('Status:');
  expect((await run('exec', 'p', '--', 'ls')).err).toContain('pod p does not have a host assigned');
  await kubectl('expose', 'pod', 'p', '--port=80');
  expect(await kubectl('get', 'svc', 'p', '--no-headers')).toMatch(/^p +ClusterIP +10\.\S+ +<none> +80\/TCP +\d+s$/);
  await kubectl('delete', 'pod', 'p');
});

test('get -w shows what happens while it looks', async () => {
  const watch = spawn(KUBECTL, [...base(), 'get', 'configmaps', '-w', '-l', 'watched=y', '-o', 'name'], { env: env() });
  let text = '';
  watch.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  try {
    const opened = () =>
      kubectl(
        'create',
        '-f',
        manifest('apiVersion: v1\nkind: ConfigMap\nmetadata: {name: seen, labels: {watched: "y"}}\n'),
      );
    await opened();
    await until(() => text.includes('configmap/seen'));
    const before = text.length;
    await kubectl('label', 'configmap', 'seen', 'more=y');
    await until(() => text.length > before);
  } finally {
    watch.kill('SIGKILL');
    await new Promise((resolve) => watch.once('close', resolve));
  }
});

test('every kind by its plural, its short name, its group; and what there is not', async () => {
  const names = (await kubectl('api-resources', '--verbs=list', '-o', 'name')).split('\n');
  expect(names).toEqual(expect.arrayContaining(['pods', 'deployments.apps', 'leases.coordination.k8s.io']));
  await kubectl('get', [...names].join(','));
  for (const short of [
    'po',
    'cm',
    'deploy',
    'sts',
    'ds',
    'rs',
    'cj',
    'ing',
    'netpol',
    'pv',
    'pvc',
    'sa',
    'ns',
    'no',
    'ep',
    'ev',
  ]) {
    await kubectl('get', short);
  }
  expect((await run('get', 'nonsense')).err).toBe('error: the server doesn\'t have a resource type "nonsense"');
  expect(await kubectl('version', '-o', 'json')).toContain(`"gitVersion": "v1.${clientMinor}.0"`);
});

test('refusals are told in the server’s words', async () => {
  const bad = await run('create', 'configmap', 'Bad_Name');
  expect(bad.err).toContain('"Bad_Name"');
  expect(bad.err).toContain('a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters');
  await kubectl('create', 'configmap', 'once');
  expect((await run('create', 'configmap', 'once')).err).toContain('configmaps "once" already exists');
});

function minorOfClient(): number {
  try {
    const out = execFileSync(KUBECTL, ['version', '--client', '-o', 'json'], { encoding: 'utf8', timeout: 30_000 });
    const { clientVersion } = JSON.parse(out) as { clientVersion: { minor: string } };
    return Number.parseInt(clientVersion.minor, 10);
  } catch (error) {
    throw new Error(
      `this suite needs kubectl: on Debian \`apt-get install -y kubernetes-client\`, or KUBECTL=PATH (${String(error)})`,
    );
  }
}
