/** A manifest becomes a trial: what it must carry, and when there can be none. */
import { parseManifest } from '../../../src/core/manifest/document';
import { readServer } from '../../../src/core/manifest/server';
import { planTrial, socketFiles, withoutSockets } from '../../../src/core/rehearsal/plan-trial';
import type { Trial } from '../../../src/core/rehearsal/trial';
import { pod } from '../../support/manifests';

const NOTHING = { files: [], folders: [] };
const server = (container: string, spec = '') => readServer(parseManifest(pod({ container, spec }), 'm.yaml'));

test('arguments, environment, user, mounts and log', () => {
  const trial = planTrial(
    server(
      [
        'command: [kube-apiserver, --advertise-address=10.0.0.1, --audit-log-path=/logs/audit.log]',
        'env: [{name: A, value: b}]',
        'securityContext: {runAsUser: 65532}',
        'volumeMounts:',
        '- {name: logs, mountPath: /logs/, subPath: kube}',
        '- {name: cache, mountPath: /cache, readOnly: true}',
      ].join('\n'),
      '\nvolumes: [{name: logs, hostPath: {path: /var/log, type: Directory}}, {name: cache, emptyDir: {}}]\nsecurityContext: {runAsUser: 1, runAsGroup: 65533}\n',
    ),
    { pid: 42 },
    NOTHING,
  );
  expect(trial).toEqual({
    args: ['--advertise-address=10.0.0.1', '--audit-log-path=/logs/audit.log'],
    environment: { A: 'b' },
    program: { pid: 42 },
    user: { uid: 65532, gid: 65533 },
    mounts: [
      { mountPath: '/logs', source: '/var/log/kube', readOnly: false, type: 'Directory' },
      { mountPath: '/cache', source: undefined, readOnly: true, type: undefined },
    ],
    files: [],
    folders: [],
    logPath: '/logs/audit.log',
  });
});

test('a log on standard output is no file', () => {
  expect(planTrial(server('command: [kube-apiserver, --audit-log-path=-]\n'), { pid: 1 }, NOTHING)).not.toHaveProperty(
    'logPath',
  );
});

test('of two files for one path the later counts', () => {
  const file = (text: string) => ({ hostPath: '/e.yaml', bytes: Buffer.from(text), mode: 0o600, uid: 0, gid: 0 });
  const trial = planTrial(
    server('command: [kube-apiserver]\n'),
    { pid: 1 },
    {
      files: [file('a'), file('b')],
      folders: [],
    },
  ) as Trial;
  expect(trial.files).toEqual([file('b')]);
});

test.each([
  ['an argument from outside', 'command: [kube-apiserver, "--v=$(X)"]\n', 'depends on a variable'],
  [
    'a mount without its volume',
    'command: [kube-apiserver]\nvolumeMounts: [{name: gone, mountPath: /x}]\n',
    'no volume gone',
  ],
])('none for %s', (_, container, why) => {
  expect(planTrial(server(container), { pid: 1 }, NOTHING)).toEqual({ why: expect.stringContaining(why) });
});

test('the files that name sockets, where the host keeps them', () => {
  const own = server(
    'command: [kube-apiserver, --encryption-provider-config=/etc/enc/enc.yaml, --egress-selector-config-file=/unmounted.yaml]\nvolumeMounts: [{name: enc, mountPath: /etc/enc}]\n',
    'volumes: [{name: enc, hostPath: {path: /srv/enc}}]\n',
  );
  expect(socketFiles(own)).toEqual(['/srv/enc/enc.yaml']);
});

test.each([
  ['endpoint: unix:///run/kms.sock', 'endpoint: unix:///run/rehearsal/none.sock'],
  [
    '- kms: {name: a, endpoint: "unix:///run/a.sock", timeout: 3s}',
    '- kms: {name: a, endpoint: "unix:///run/rehearsal/none.sock", timeout: 3s}',
  ],
  ['"endpoint":"unix:///run/a.sock"', '"endpoint":"unix:///run/rehearsal/none.sock"'],
  ['      uds:\n        udsName: /run/konnectivity.sock\n', '      uds:\n        udsName: /run/rehearsal/none.sock\n'],
  ['secret: abc\nname: endpoint\n', 'secret: abc\nname: endpoint\n'],
])('no socket is left in %j', (text, harmless) => {
  expect(withoutSockets(text)).toBe(harmless);
});
