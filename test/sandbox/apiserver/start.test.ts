/** The start fails at the first thing that is wrong, in the real server's order and words, with its exit code. */
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { runServer } from '../../../src/sandbox/apiserver/server';
import { makeApiContainer, withPolicy, type ApiContainer } from '../../support/api-container';

const POLICY = 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: Metadata }]\n';
const NEW = 'registry.k8s.io/kube-apiserver:v1.36.0';
const OLD = 'k8s.gcr.io/kube-apiserver:v1.20.2';

let made: Record<string, ApiContainer>;

beforeAll(async () => {
  made = { [NEW]: await makeApiContainer(NEW, { etcdDial: 50 }), [OLD]: await makeApiContainer(OLD, { etcdDial: 50 }) };
  for (const { node } of Object.values(made)) {
    const pki = join(node, 'etc/kubernetes/pki');
    writeFileSync(join(pki, 'empty'), '');
    writeFileSync(join(pki, 'text'), 'foo\n');
    mkdirSync(join(pki, 'folder'));
    writeFileSync(join(pki, 'tokens.csv'), 'tok,u\n');
    writeFileSync(join(pki, 'illegal.yaml'), 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: []\n');
    writeFileSync(join(pki, 'policy.yaml'), POLICY);
    writeFileSync(join(pki, 'nothing.yaml'), 'apiVersion: v1\nkind: Config\nclusters: []\n');
  }
});

interface Ran {
  code: number;
  stderr: string;
  stdout: string;
}

async function run(
  image: string,
  more: readonly string[],
  from: (api: ApiContainer) => ApiContainer = (api) => api,
): Promise<Ran> {
  const api = from(made[image]!);
  let stdout = '';
  let stderr = '';
  const code = await runServer(
    {
      container: api.container,
      args: [...api.args, ...more],
      pid: 1,
      startedAt: Date.now(),
      stdout: (text) => (stdout += text),
      stderr: (text) => (stderr += text),
      stop: AbortSignal.abort(),
    },
    { openRest: () => Promise.reject(new Error('context deadline exceeded')) },
  );
  return { code, stdout, stderr };
}

const P = '/etc/kubernetes/pki';
const failures: [string, string[], string][] = [
  ['unknown flag', ['--audit-log-maxbackups=1'], '!unknown flag: --audit-log-maxbackups'],
  [
    'flag of the wrong type',
    ['--audit-log-maxage=thirty'],
    '!invalid argument "thirty" for "--audit-log-maxage" flag: strconv.ParseInt: parsing "thirty": invalid syntax',
  ],
  ['argument that is no flag', ['foo'], '!"kube-apiserver" does not take any arguments, got ["foo"]'],
  [
    'several invalid values',
    ['--audit-log-path=/x', '--audit-log-maxage=-1', '--audit-log-maxbackup=-1'],
    "[--audit-log-maxage -1 can't be a negative number, --audit-log-maxbackup -1 can't be a negative number]",
  ],
  [
    'invalid value before a missing file',
    ['--secure-port=0', `--client-ca-file=${P}/none`],
    '--secure-port 0 must be between 1 and 65535, inclusive. It cannot be turned off with 0',
  ],
  ['serving certificate missing', [`--tls-cert-file=${P}/none`], `open ${P}/none: no such file or directory`],
  [
    'serving certificate empty',
    [`--tls-cert-file=${P}/empty`],
    `missing content for serving cert "serving-cert::${P}/empty::${P}/apiserver.key"`,
  ],
  [
    'no serving certificate in the file',
    [`--tls-cert-file=${P}/text`],
    'tls: failed to find any PEM data in certificate input',
  ],
  ['key of another certificate', [`--tls-private-key-file=${P}/sa.key`], 'tls: private key does not match public key'],
  ['client CA missing', [`--client-ca-file=${P}/none`], `open ${P}/none: no such file or directory`],
  ['client CA empty', [`--client-ca-file=${P}/empty`], `missing content for CA bundle "client-ca-bundle::${P}/empty"`],
  [
    'client CA that is no certificate',
    [`--client-ca-file=${P}/text`],
    `error loading CA bundle for "client-ca-bundle::${P}/text": data does not contain any valid RSA or ECDSA certificates`,
  ],
  ['client CA that is a folder', [`--client-ca-file=${P}/folder`], `read ${P}/folder: is a directory`],
  [
    'token file',
    [`--token-auth-file=${P}/tokens.csv`],
    `token file '${P}/tokens.csv' must have at least 3 columns (token, user name, user uid), found 2`,
  ],
  [
    'service account key',
    [`--service-account-signing-key-file=${P}/text`],
    `failed to parse service-account-issuer-key-file: error reading private key file ${P}/text: data does not contain a valid RSA or ECDSA private key`,
  ],
  [
    'client CA before the audit policy',
    [`--client-ca-file=${P}/none`, '--audit-policy-file=/nope'],
    `open ${P}/none: no such file or directory`,
  ],
  [
    'policy not mounted',
    ['--audit-policy-file=/nope.yaml'],
    'loading audit policy file: failed to read file path "/nope.yaml": open /nope.yaml: no such file or directory',
  ],
  [
    'policy is a folder',
    [`--audit-policy-file=${P}/folder`],
    `loading audit policy file: failed to read file path "${P}/folder": read ${P}/folder: is a directory`,
  ],
  [
    'policy illegal',
    [`--audit-policy-file=${P}/illegal.yaml`],
    `loading audit policy file: loaded illegal policy with 0 rules: from file ${P}/illegal.yaml`,
  ],
  [
    'webhook file missing',
    [`--audit-policy-file=${P}/policy.yaml`, '--audit-webhook-config-file=/none'],
    'initializing audit webhook: stat /none: no such file or directory',
  ],
  [
    'webhook file without a cluster',
    [`--audit-policy-file=${P}/policy.yaml`, `--audit-webhook-config-file=${P}/nothing.yaml`],
    'initializing audit webhook: invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment variable',
  ],
  [
    'admission file missing, after the audit policy',
    [`--audit-policy-file=${P}/policy.yaml`, '--admission-control-config-file=/none'],
    'failed to initialize admission: failed to read plugin config: unable to read admission control configuration from "/none" [open /none: no such file or directory]',
  ],
];

describe.each([NEW, OLD])('%s', (image) => {
  test.each(failures)('%s', async (_name, args, message) => {
    const ran = await run(image, args);
    expect(ran.code).toBe(1);
    const last = ran.stderr.trimEnd().split('\n').at(-1)!;
    if (message.startsWith('!')) {
      expect(ran.stderr).toBe(`Error: ${message.slice(1)}\n`);
    } else if (image === OLD) expect(last).toBe(`Error: ${message}`);
    else {
      expect(last).toMatch(/^E\d{4} \d\d:\d\d:\d\d\.\d{6} {7}1 run\.go:72\] "command failed" err="/);
      expect(last).toContain(`err=${JSON.stringify(message)}`);
    }
  });
});

test('a port that somebody holds', async () => {
  const { port } = made[NEW]!;
  const holder = createServer();
  await new Promise<void>((resolve) => holder.listen(port, '127.0.0.1', resolve));
  const ran = await run(NEW, [`--tls-cert-file=${P}/none`]);
  holder.close();
  expect(ran.stderr).toContain(
    `"command failed" err="failed to create listener: failed to listen on 127.0.0.1:${port}: listen tcp 127.0.0.1:${port}: bind: address already in use"`,
  );
});

test('the version is told once the flags are good, not before', async () => {
  expect((await run(NEW, ['--audit-policy-file=/nope'])).stderr).toContain('] Version: v1.36.0\n');
  expect((await run(NEW, ['--secure-port=0'])).stderr).not.toContain('Version:');
});

test('etcd that does not answer: 1.36 ends with a fatal line and 255, 1.20 with an error and 1', async () => {
  const now = await run(NEW, []);
  expect(now.code).toBe(255);
  expect(now.stderr).toMatch(
    /^F.* instance\.go:233\] Error creating leases: error creating storage factory: context deadline exceeded$/m,
  );
  const then = await run(OLD, []);
  expect(then.code).toBe(1);
  expect(then.stderr).toMatch(/^Error: context deadline exceeded$/m);
});

test('the audit log is made at start by 1.36, and later by 1.20; each before etcd is asked', async () => {
  const path = (image: string) => join(made[image]!.node, 'var/log/kubernetes/audit/sub/audit.log');
  const args = [`--audit-policy-file=${P}/policy.yaml`, '--audit-log-path=/var/log/kubernetes/audit/sub/audit.log'];
  await run(NEW, args);
  expect(statSync(path(NEW)).mode & 0o777).toBe(0o600);
  expect(statSync(join(path(NEW), '..')).mode & 0o777).toBe(0o700);
  await run(OLD, args);
  expect(existsSync(path(OLD))).toBe(false);
});

test.each([
  [
    'a read-only mount',
    '/etc/kubernetes/pki/audit.log',
    'ensureLogFile: open /etc/kubernetes/pki/audit.log: read-only file system',
  ],
  ['a folder', '/var/log/kubernetes/audit', 'ensureLogFile: open /var/log/kubernetes/audit: is a directory'],
  [
    'a path below a file',
    '/etc/kubernetes/pki/ca.crt/x/audit.log',
    'ensureLogFile: mkdir /etc/kubernetes/pki/ca.crt: not a directory',
  ],
])('an audit log at %s ends 1.36', async (_name, path, message) => {
  const ran = await run(NEW, [`--audit-policy-file=${P}/policy.yaml`, `--audit-log-path=${path}`]);
  expect(ran.stderr).toContain(`err=${JSON.stringify(message)}`);
});

test('a log path that no mount covers lies in the container alone', async () => {
  const { container, node } = made[NEW]!;
  await run(NEW, ['--audit-log-path=/var/log/audit.log']);
  expect(readFileSync(join(container.rootfs, 'var/log/audit.log'), 'utf8')).toBe('');
  expect(existsSync(join(node, 'var/log/audit.log'))).toBe(false);
});

test('a policy with unknown fields is loaded with a warning', async () => {
  const odd = 'apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{ level: Metadata, resource: [] }]\n';
  const ran = await run(NEW, [], (api) => withPolicy(api, odd));
  expect(ran.stderr).toContain(
    'reader.go:81] Audit policy contains errors, falling back to lenient decoding: strict decoding error: unknown field "rules[0].resource"',
  );
  expect(ran.code).toBe(255);
});

test('a start that failed holds no port and announces none', async () => {
  await run(NEW, ['--audit-policy-file=/nope']);
  expect(existsSync(join(made[NEW]!.container.runDir, 'listening/1.json'))).toBe(false);
  const again = createServer();
  await new Promise<void>((resolve, reject) => again.on('error', reject).listen(made[NEW]!.port, '127.0.0.1', resolve));
  again.close();
});
