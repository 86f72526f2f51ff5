/** What the kubelet leaves on the disk, file by file: volumes, container logs, journal; and what it takes from there. */
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { createApiClient } from '../../../src/sandbox/kubelet/api/client';
import { readKubeconfig } from '../../../src/sandbox/kubelet/api/kubeconfig';
import { createPreciseNow } from '../../../src/sandbox/kubelet/clock';
import { openJournal } from '../../../src/sandbox/kubelet/journal';
import { goDuration, klogLine, structured } from '../../../src/sandbox/kubelet/klog';
import { openCriLog } from '../../../src/sandbox/kubelet/runtime/cri-log';
import { commandOf, environmentOf, processEnvironment } from '../../../src/sandbox/kubelet/runtime/environment';
import { findProgram, pullImage } from '../../../src/sandbox/kubelet/runtime/images';
import { nodePath } from '../../../src/sandbox/kubelet/runtime/node-path';
import { createPodLogs } from '../../../src/sandbox/kubelet/runtime/pod-logs';
import {
  isAlive,
  startTicksOf,
  signalProcess,
  sweepProcesses,
} from '../../../src/sandbox/kubelet/runtime/process-files';
import { createVolumes, mountsOf } from '../../../src/sandbox/kubelet/runtime/volumes';
import { readSandboxFile, staticPodPath } from '../../../src/sandbox/kubelet/sandbox-file';
import { klogValue, parseKlog } from '../../../src/core/klog';
import { createJournalLines, parseEntry } from '../../../src/system/journal-lines';
import { apiServer } from '../../support/api-server';
import { ADMIN, CA, STRANGER } from '../../support/certificates';
import { IMAGE, list, manifest } from '../../support/sandbox-node';
import { tempFolder } from '../../support/temp-folder';
import { podFrom } from '../../support/virtual-kubelet';

function put(root: string, path: string, text = ''): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

describe('paths of the node', () => {
  test('an absolute link stays inside the root; so does one that climbs', () => {
    const root = tempFolder();
    put(root, '/data/log/a');
    mkdirSync(join(root, 'var'));
    symlinkSync('/data/log', join(root, 'var/log'));
    symlinkSync('../../../../../../etc/passwd', join(root, 'var/climb'));
    symlinkSync('self', join(root, 'self'));
    expect(nodePath(root, '/var/log/a')).toBe(join(root, 'data/log/a'));
    expect(nodePath(root, '/var/climb')).toBe(join(root, 'etc/passwd'));
    expect(nodePath(root, '/var/log/../x/./y')).toBe(join(root, 'data/x/y'));
    expect(() => nodePath(root, '/self')).toThrow('ELOOP');
  });
});

describe('hostPath', () => {
  const pod = (path: string, type: string) =>
    podFrom(
      manifest({
        volumes: `[{name: v, hostPath: {path: ${path}, type: "${type}"}}]`,
        mounts: '[{name: v, mountPath: /in}]',
      }),
    );
  const root = tempFolder();
  put(root, '/file');
  mkdirSync(join(root, 'folder'));
  symlinkSync('/file', join(root, 'link'));
  symlinkSync('/nowhere', join(root, 'dangling'));
  const check = (path: string, type: string) => {
    const made = pod(path, type);
    return createVolumes(root).setUp(made, made.spec.volumes![0]!);
  };

  test.each([
    ['/nope', '', undefined],
    ['/file', 'File', undefined],
    ['/link', 'File', undefined],
    ['/nope', 'File', '/nope is not a file'],
    ['/folder', 'File', '/folder is not a file'],
    ['/dangling', 'File', '/dangling is not a file'],
    ['/folder', 'Directory', undefined],
    ['/file', 'Directory', '/file is not a directory'],
    ['/nope', 'Directory', '/nope is not a directory'],
    ['/file', 'DirectoryOrCreate', '/file is not a directory'],
    ['/folder', 'FileOrCreate', '/folder is not a file'],
    ['/nope/deep/file', 'FileOrCreate', 'open /nope/deep/file: no such file or directory'],
    ['/file', 'Socket', '/file is not a socket file'],
    ['/file', 'CharDevice', '/file is not a character device'],
    ['/file', 'BlockDevice', '/file is not a block device'],
  ])('%s as %s: %p', (path, type, problem) => {
    expect(check(path, type)).toBe(problem === undefined ? undefined : `hostPath type check failed: ${problem}`);
    expect(existsSync(join(root, 'nope'))).toBe(false);
  });

  test('…OrCreate makes what is missing', () => {
    expect([check('/made/a/b', 'DirectoryOrCreate'), check('/made/file', 'FileOrCreate')]).toEqual([
      undefined,
      undefined,
    ]);
    expect(statSync(join(root, 'made/a/b')).mode & 0o777).toBe(0o755);
    expect(readFileSync(join(root, 'made/file'), 'utf8')).toBe('');
  });

  test('a socket', async () => {
    const server = createServer().listen(join(root, 'socket'));
    await new Promise((resolve) => server.once('listening', resolve));
    expect(check('/socket', 'Socket')).toBeUndefined();
    server.close();
  });

  test('unchecked and missing: the runtime makes an empty folder of it, which later fails as a file', () => {
    const made = pod('/policy.yaml', '');
    expect(mountsOf(root, made, made.spec.containers![0]!)).toEqual([
      { containerPath: '/in', hostPath: join(root, 'policy.yaml'), readOnly: false, kind: 'folder' },
    ]);
    expect(check('/policy.yaml', 'File')).toBe('hostPath type check failed: /policy.yaml is not a file');
  });

  test('an empty folder of the pod’s own, gone with the pod', () => {
    const made = podFrom(
      manifest({ volumes: '[{name: v, emptyDir: {}}]', mounts: '[{name: v, mountPath: /in, subPath: s}]' }),
    );
    const volumes = createVolumes(root);
    expect([volumes.plugin(made.spec.volumes![0]!), volumes.setUp(made, made.spec.volumes![0]!)]).toEqual([
      'kubernetes.io/empty-dir',
      undefined,
    ]);
    const [mount] = mountsOf(root, made, made.spec.containers![0]!);
    expect(mount!.hostPath).toBe(join(root, `var/lib/kubelet/pods/${made.uid}/volumes/kubernetes.io~empty-dir/v/s`));
    expect(statSync(mount!.hostPath).isDirectory()).toBe(true);
    volumes.tearDown(made.uid);
    expect(list(join(root, 'var/lib/kubelet/pods'))).toEqual([]);
  });

  test('other volumes are refused, and said to be the sandbox’s lack', () => {
    const made = podFrom(manifest({ volumes: '[{name: v, nfs: {server: s, path: /}}]' }));
    expect(createVolumes(root).setUp(made, made.spec.volumes![0]!)).toBe(
      'the sandbox has no nfs volumes, only hostPath and emptyDir',
    );
  });
});

describe('images and commands', () => {
  const images = { [IMAGE]: 'kube-apiserver' };

  test.each([
    [IMAGE, 'IfNotPresent', { state: 'present' }],
    [
      'registry.k8s.io/kube-apiserver:v9.99.9',
      'IfNotPresent',
      {
        state: 'failed',
        reason: 'ErrImagePull',
        message:
          'rpc error: code = NotFound desc = failed to pull and unpack image "registry.k8s.io/kube-apiserver:v9.99.9": failed to resolve reference "registry.k8s.io/kube-apiserver:v9.99.9": registry.k8s.io/kube-apiserver:v9.99.9: not found',
      },
    ],
    ['x:1', 'Never', { reason: 'ErrImageNeverPull' }],
    ['Not An Image', 'Always', { reason: 'InvalidImageName' }],
    ['constructor', 'Always', { reason: 'ErrImagePull' }],
  ])('%s, %s', (image, policy, result) => {
    expect(pullImage(images, image, policy)).toMatchObject(result);
  });

  test.each([
    [
      ['kube-apiserver', '--a'],
      ['kube-apiserver', '--a'],
    ],
    [['/usr/local/bin/kube-apiserver'], ['/usr/local/bin/kube-apiserver']],
    [['sh', '-c', 'x'], 'exec: "sh": executable file not found in $PATH'],
    [['/bin/sh'], 'exec: "/bin/sh": stat /bin/sh: no such file or directory'],
  ])('%j', (command, result) => {
    const found = findProgram(images, { image: IMAGE, command }, command);
    if (typeof result === 'string')
      expect(found).toMatchObject({ state: 'missing', message: expect.stringContaining(result) });
    else expect(found).toEqual({ state: 'found', program: 'kube-apiserver', argv: result });
  });

  test('arguments alone go to the image’s own program', () => {
    expect(findProgram(images, { image: IMAGE, args: ['--a'] }, ['--a'])).toMatchObject({
      argv: ['kube-apiserver', '--a'],
    });
  });

  test('references in the command, from what the container’s environment says', () => {
    const spec = {
      command: ['a', '$(IP)', '$(NAME)/$(NONE)', '$$(IP)'],
      args: ['$(TWICE)'],
      env: [
        { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
        { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
        { name: 'TWICE', value: '$(IP),$(IP)' },
        { name: 'NODE_OPTIONS', value: '--inspect' },
      ],
    };
    const known = environmentOf(podFrom(manifest()), spec, '127.0.0.1');
    expect(commandOf(spec, known)).toEqual([
      'a',
      '127.0.0.1',
      'kube-apiserver-cp1/$(NONE)',
      '$(IP)',
      '127.0.0.1,127.0.0.1',
    ]);
    expect(processEnvironment(known, 'cp1')).toEqual({
      PATH: expect.any(String),
      HOSTNAME: 'cp1',
      IP: '127.0.0.1',
      NAME: 'kube-apiserver-cp1',
      TWICE: '127.0.0.1,127.0.0.1',
    });
  });
});

describe('a container’s log', () => {
  const at = Date.UTC(2026, 0, 1, 12, 0, 0, 5) + 0.25;

  test('lines as they are, both streams apart, long ones in parts, the last one without its break', () => {
    const path = join(tempFolder(), '0.log');
    const log = openCriLog(path, () => at);
    log.write('stderr', Buffer.from('one\ntw'));
    log.write('stdout', Buffer.from('out\n'));
    log.write('stderr', Buffer.from(`o\n${'x'.repeat(40_000)}\n`));
    log.write('stderr', Buffer.from('rest'));
    log.end('stderr');
    log.end('stdout');
    log.close();
    const head = '2026-01-01T12:00:00.005250000Z';
    expect(readFileSync(path, 'utf8').split('\n')).toEqual([
      `${head} stderr F one`,
      `${head} stdout F out`,
      `${head} stderr F two`,
      `${head} stderr P ${'x'.repeat(16_384)}`,
      `${head} stderr P ${'x'.repeat(16_384)}`,
      `${head} stderr F ${'x'.repeat(40_000 - 2 * 16_384)}`,
      `${head} stderr F rest`,
      '',
    ]);
  });

  test('rotated by size: five files at most, older ones packed, no line lost before that', () => {
    const folder = tempFolder();
    const log = openCriLog(join(folder, '0.log'), () => at, 100);
    for (let n = 0; n < 9; n++) log.write('stderr', Buffer.from(`line ${n} ${'x'.repeat(20)}\n`));
    log.close();
    const files = list(folder);
    expect(files.filter((name) => name.endsWith('.gz'))).toEqual([
      '0.log.20260101-120000-1.gz',
      '0.log.20260101-120000-2.gz',
      '0.log.20260101-120000.gz',
    ]);
    const text = files.map((name) => {
      const bytes = readFileSync(join(folder, name));
      return (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString();
    });
    expect(
      text
        .join('')
        .match(/line \d/g)!
        .sort(),
    ).toEqual(Array.from({ length: 9 }, (_, n) => `line ${n}`));
  });
});

test('log folders: numbers go on from what is left, and foreign folders are cleared', () => {
  const root = tempFolder();
  const logs = createPodLogs(root);
  const pod = { uid: 'u1', name: 'web-cp1', namespace: 'default' };
  expect(logs.lastRestart(pod, 'c')).toBe(-1);
  writeFileSync(logs.make(pod, 'c', 0, 'id0'), '');
  writeFileSync(logs.make(pod, 'c', 4, 'id4'), '');
  writeFileSync(join(root, 'var/log/pods/default_web-cp1_u1/c/4.log.20260101-120000'), '');
  expect(logs.lastRestart(pod, 'c')).toBe(4);
  const container = { podUid: 'u1', podName: 'web-cp1', namespace: 'default', name: 'c' };
  logs.remove({ ...container, id: 'id4', restart: 4 });
  expect(list(join(root, 'var/log/pods/default_web-cp1_u1/c'))).toEqual(['0.log']);
  expect(list(join(root, 'var/log/containers'))).toEqual(['web-cp1_default_c-id0.log']);
  mkdirSync(join(root, 'var/log/pods/backup'));
  logs.clean(new Set(['u1']));
  expect(list(join(root, 'var/log/pods'))).toEqual(['default_web-cp1_u1']);
});

describe('the journal', () => {
  const open = (mostBytes?: number) => {
    const path = join(tempFolder(), 'journal.jsonl');
    const journal = openJournal(path, {
      pid: 42,
      now: createPreciseNow(),
      host: 'cp1',
      ...(mostBytes ? { mostBytes } : {}),
    });
    return { journal, entries: () => readFileSync(path, 'utf8').split('\n').slice(0, -1).map(parseEntry) };
  };

  test('a klog value of several lines is several entries, and reads as one', () => {
    const { journal, entries } = open();
    const record = {
      severity: 'E',
      place: 'file.go:187',
      text: structured('m', { err: 'one\ntwo', path: '/p' }),
    } as const;
    journal.write(klogLine(record, Date.now(), 42));
    expect(entries()).toHaveLength(4);
    expect(new Set(entries().map((entry) => entry!.cursor)).size).toBe(4);
    const lines = createJournalLines();
    for (const entry of entries()) lines.add(entry!);
    expect(lines.all()).toHaveLength(1);
    const { message } = parseKlog(lines.all()[0]!.text)!;
    expect([klogValue(message, 'err'), klogValue(message, 'path')]).toEqual(['one\ntwo', '/p']);
  });

  test('beyond its limit the older half goes, by whole lines', () => {
    const { journal, entries } = open(20_000);
    for (let n = 0; n < 500; n++) journal.write(`line ${n}`);
    const all = entries();
    expect(all.every((entry) => entry !== undefined)).toBe(true);
    expect(all.length).toBeLessThan(100);
    expect(all.at(-1)!.text).toBe('line 499');
    expect(all.map((entry) => entry!.text)).toEqual(all.map((_, n) => `line ${500 - all.length + n}`));
  });

  test('klog’s header: local time, microseconds, pid of seven places', () => {
    const time = new Date(2026, 10, 21, 4, 5, 6, 7).getTime();
    expect(klogLine({ severity: 'I', place: 'a.go:1', text: 't' }, time + 0.125, 190)).toBe(
      'I1121 04:05:06.007125     190 a.go:1] t',
    );
  });

  test.each([
    [0, '0s'],
    [16.5, '16.5ms'],
    [500, '500ms'],
    [1000, '1s'],
    [1600, '1.6s'],
    [80_000, '1m20s'],
    [300_000, '5m0s'],
    [3_600_000, '1h0m0s'],
  ])('%d ms is %s', (ms, text) => {
    expect(goDuration(ms)).toBe(text);
  });
});

describe('processes', () => {
  test('one is known by pid and start; another start is another process, which is left alone', () => {
    const me = { pid: process.pid, startTicks: startTicksOf(process.pid)! };
    expect(isAlive(me)).toBe(true);
    const other = { ...me, startTicks: `${me.startTicks}0` };
    expect([isAlive(other), signalProcess(other, 'SIGKILL')]).toEqual([false, false]);
  });

  test('entries of the dead are swept, those of the living stay', () => {
    const run = tempFolder();
    const me = { pid: process.pid, startTicks: startTicksOf(process.pid)!, startedAt: 0, argv: [] };
    put(run, `processes/${process.pid}.json`, JSON.stringify(me));
    put(run, 'processes/999.json', JSON.stringify({ ...me, pid: 999, startTicks: '1' }));
    put(run, 'listening/999.json', '[6443]');
    sweepProcesses(run);
    expect([list(join(run, 'processes')), list(join(run, 'listening'))]).toEqual([[`${process.pid}.json`], []]);
  });
});

describe('the kubelet’s configuration', () => {
  test('sandbox.json', () => {
    const dir = tempFolder();
    const write = (file: object) => put(dir, 'sandbox.json', JSON.stringify(file));
    write({ like: '1.20', kubernetesVersion: '1.20.2', nodeName: 'cp1', images: {} });
    expect(readSandboxFile(dir)).toMatchObject({ version: 'v1.20.2', minor: 20, timings: { besideOld: true } });
    for (const [file, problem] of [
      [{ like: 'toString' }, 'like is none of'],
      [{ like: 'fast', kubernetesVersion: 'v1.36.0' }, 'nodeName is missing'],
      [{ like: 'fast', nodeName: 'cp1' }, 'kubernetesVersion is missing'],
    ] as const) {
      write(file);
      expect(() => readSandboxFile(dir)).toThrow(problem);
    }
  });

  test('where the manifests are', () => {
    const root = tempFolder();
    expect(staticPodPath(root)).toBe('/etc/kubernetes/manifests');
    put(root, '/var/lib/kubelet/config.yaml', 'staticPodPath: /srv/manifests/\n');
    expect(staticPodPath(root)).toBe('/srv/manifests');
  });
});

describe('a request to the API', () => {
  const config = (port: number, ca = CA) => `
current-context: it
contexts: [{name: it, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:${port}", tls-server-name: kubernetes, certificate-authority-data: ${Buffer.from(ca).toString('base64')}}}]
users: [{name: u, user: {client-certificate: pki/kubelet.pem, client-key: /etc/kubernetes/pki/kubelet.pem}}]
`;
  const client = (port: number, ca?: string) => {
    const root = tempFolder();
    put(root, '/etc/kubernetes/kubelet.conf', config(port, ca));
    put(root, '/etc/kubernetes/pki/kubelet.pem', ADMIN.cert + ADMIN.key);
    return createApiClient(readKubeconfig(root, '/etc/kubernetes/kubelet.conf'), 'kubelet/v1.36.0');
  };

  test('with the client certificate of the kubeconfig’s files, and bodies as JSON', async () => {
    let sent = '';
    const server = await apiServer(undefined, (request, response, body) => {
      sent = `${request.method} ${request.url} ${request.headers['content-type']} ${request.headers['user-agent']} ${body}`;
      response.end('{"kind":"Node"}');
    });
    const api = client(server.endpoint.port);
    expect(await api.ask('PATCH', '/api/v1/nodes/cp1', { a: 1 }, 'application/merge-patch+json')).toEqual({
      status: 200,
      body: { kind: 'Node' },
    });
    expect(sent).toBe('PATCH /api/v1/nodes/cp1 application/merge-patch+json kubelet/v1.36.0 {"a":1}');
    expect(server.client).toBe('kubernetes-admin');
    api.close();
  });

  test('a refusal is told in the server’s words, silence in Go’s', async () => {
    const server = await apiServer(undefined, (_request, response) => {
      response.statusCode = 409;
      response.end('{"kind":"Status","message":"pods \\"x\\" already exists"}');
    });
    const api = client(server.endpoint.port);
    await expect(api.ask('POST', '/x', {})).rejects.toMatchObject({ status: 409, message: 'pods "x" already exists' });
    api.close();
    const nobody = client(1);
    await expect(nobody.ask('GET', '/x')).rejects.toMatchObject({
      status: undefined,
      message: 'Get "https://127.0.0.1:1/x": dial tcp 127.0.0.1:1: connect: connection refused',
    });
    nobody.close();
  });

  test('a server of another CA gets no request', async () => {
    let asked = 0;
    const server = await apiServer(STRANGER, () => asked++);
    const api = client(server.endpoint.port);
    await expect(api.ask('GET', '/x')).rejects.toThrow('x509: certificate signed by unknown authority');
    expect(asked).toBe(0);
    api.close();
  });

  test('a broken kubeconfig is named, and nothing of it shown', () => {
    const root = tempFolder();
    put(root, '/c', 'client-key-data: [secret');
    expect(() => readKubeconfig(root, '/c')).toThrow('/c is not a YAML mapping');
  });
});
