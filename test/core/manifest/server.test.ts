import { UserError } from '../../../src/core/errors';
import { parseManifest } from '../../../src/core/manifest/document';
import { parseDuration } from '../../../src/core/manifest/flags';
import {
  expectedArgv,
  matchesArgv,
  podIdentity,
  readServer,
  serverEndpoint,
  shutdownSeconds,
} from '../../../src/core/manifest/server';
import type { Server } from '../../../src/core/manifest/server';
import { fixture, pod } from '../../support/manifests';

function server(container: string, spec = ''): Server {
  return readServer(parseManifest(pod({ container, spec }), 'm.yaml'));
}
const command = (...words: string[]): string => `command: ${JSON.stringify(words)}\n`;
const args = (...words: string[]): string => `args: ${JSON.stringify(words)}\n`;
const flags = (of: Server): string[] => of.flags.map(({ name, value, form }) => `${name}|${value}|${form}`);

function errorOf(run: () => unknown): UserError {
  try {
    run();
  } catch (thrown) {
    if (thrown instanceof UserError) return thrown;
    throw thrown;
  }
  throw new Error('nothing was thrown');
}

describe('flags', () => {
  test.each([
    ['--f=v', ['--f=v'], ['f|v|equals']],
    ['a value with an equals sign', ['--f=a=b'], ['f|a=b|equals']],
    ['an empty value', ['--f='], ['f||equals']],
    ['a value of its own', ['--f', 'v', '--g'], ['f|v|separate', 'g|undefined|bare']],
    ['underscores', ['--audit_log_path=/x'], ['audit-log-path|/x|equals']],
    ['a single dash', ['-v=2'], ['v|2|equals']],
    ['a boolean alone before a word', ['--audit-log-compress', 'true'], ['audit-log-compress|undefined|bare']],
    ['a dash as a value', ['--audit-log-path', '-', '--f'], ['audit-log-path|-|separate', 'f|undefined|bare']],
    ['a flag swallowed by one that lacks its value', ['--audit-log-path', '--f=1'], ['audit-log-path|--f=1|separate']],
    ['nothing behind the terminator', ['--f=1', '--', '--g=2'], ['f|1|equals']],
    ['words that are no flags', ['x', '--f=1'], ['f|1|equals']],
  ])('%s', (_, words, expected) => {
    expect(flags(server(command('kube-apiserver', ...words)))).toEqual(expected);
  });

  test('the last of a flag given twice counts, however it is spelled', () => {
    const found = server(command('kube-apiserver', '--audit-log-maxage=1', '--audit_log_maxage', '2'));
    expect(found.effective('audit-log-maxage')).toMatchObject({
      value: '2',
      form: 'separate',
      list: 'command',
      index: 2,
    });
    expect(found.effective('audit-log-path')).toBeUndefined();
  });

  test('the last flag of command takes its value from the first of args', () => {
    const found = server(command('kube-apiserver', '--audit-log-path') + args('/x', '--f=1'));
    expect(found.effective('audit-log-path')).toMatchObject({ value: '/x', valueAt: { list: 'args', index: 0 } });
    expect(found.effective('f')).toMatchObject({ list: 'args', index: 1 });
  });

  test('places point at the argument', () => {
    const found = readServer(parseManifest(fixture('kubeadm-1.36.yaml'), 'm.yaml'));
    expect(found.effective('secure-port')?.place).toMatchObject({ file: 'm.yaml', line: 35, column: 7, length: 18 });
  });
});

describe('which container, and what starts the server', () => {
  test.each([
    ['command', command('kube-apiserver', '--f=1'), 0],
    ['a path', command('/usr/local/bin/kube-apiserver', '--f=1'), 0],
    ['a wrapper', command('/go-runner', '--log-file=/var/log/kube-apiserver', '/bin/kube-apiserver', '--f=1'), 2],
    ['the wrapper in command, the server in args', command('/go-runner') + args('kube-apiserver', '--f=1'), 1],
    ['a shell that only runs the server as its argument', command('sh', '/run.sh', 'kube-apiserver', '--f=1'), 2],
    ['the image’s entrypoint', args('--f=1'), -1],
  ])('%s', (_, container, startsAt) => {
    const found = server(container);
    expect(found.startsAt).toBe(startsAt);
    expect(flags(found)).toEqual(['f|1|equals']);
  });

  test('by name before by command, by command in a container of any name', () => {
    const two = (first: string, second: string): Server =>
      readServer(
        parseManifest(
          `apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n` +
            `  - {name: ${first}, command: [kube-apiserver, --a=1]}\n  - {name: ${second}, command: [kube-apiserver, --b=1]}\n`,
        ),
      );
    expect(two('log', 'kube-apiserver').containerName).toBe('kube-apiserver');
    expect(two('api', 'other').path).toEqual(['spec', 'containers', 0]);
  });

  test.each([
    ['sh -c', ['sh', '-c', 'exec kube-apiserver --f=1'], '9:27'],
    ['/bin/bash -ec', ['/bin/bash', '-ec', 'kube-apiserver --f'], '9:35'],
    ['a shell and the server behind it', ['/bin/ash', '-c', 'exec "$@"', 'kube-apiserver', '--f'], '9:33'],
  ])('%s is refused, with the reason', (_, words, at) => {
    const error = errorOf(() => server(`command: ${JSON.stringify(words).replaceAll(',', ', ')}\n`));
    expect(error.code).toBe('manifest-shell-command');
    expect(`${error.place?.line}:${error.place?.column}`).toBe(at);
    expect(error.hints.join('\n')).toContain('without a shell');
  });

  test.each([
    ['a pod without the server', 'apiVersion: v1\nkind: Pod\nspec: {containers: [{name: etcd, command: [etcd]}]}\n'],
    ['another command in its container', pod({ container: command('/hyperkube', 'apiserver') })],
    ['arguments that are no flags', pod({ container: args('start', '--f=1') })],
  ])('%s is refused', (_, text) => {
    expect(errorOf(() => readServer(parseManifest(text))).code).toBe('manifest-no-server');
  });

  test.each([
    ['a number', '- 30', 'a number', 'put it in quotes, "30"'],
    ['a boolean', '- on', 'a boolean', 'put it in quotes'],
    ['a mapping', '- --f: 1', 'a mapping', 'A colon followed by a space'],
  ])('%s among the arguments is refused', (_, line, kind, hint) => {
    const error = errorOf(() => server(`command:\n- kube-apiserver\n${line}\n`));
    expect(error.code).toBe('manifest-argument-not-string');
    expect(error.message).toBe(`spec.containers[0].command[1] is ${kind}, not a string`);
    expect(error.hints[0]).toContain(hint);
    expect(error.place?.line).toBe(11);
  });
});

describe('the process expected', () => {
  const env = [
    'env:',
    '- {name: DIR, value: /var/log}',
    '- {name: FILE, value: $(DIR)/a.log}',
    '- {name: IP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}',
    '',
  ].join('\n');
  const expected = (...words: string[]): ReturnType<typeof expectedArgv> =>
    expectedArgv(server(command('kube-apiserver', ...words) + env));

  test.each([
    ['--f=$(FILE)', ['--f=/var/log/a.log']],
    ['--f=$(IP):1', ['--f=', null, ':1']],
    ['--f=$(NOBODY)', ['--f=', null]],
    ['--f=$$(DIR)', ['--f=$(DIR)']],
    ['--f=$$$(DIR)', ['--f=$/var/log']],
    ['--f=$DIR $(DIR', ['--f=$DIR $(DIR']],
    ['', ['']],
  ])('%j is expanded as the kubelet does', (word, pieces) => {
    expect(expected(word)[1]).toEqual(pieces);
  });

  test.each([
    ['the same', ['kube-apiserver', '--a=1', '--ip=10.0.0.1'], true],
    ['another path to it', ['/usr/local/bin/kube-apiserver', '--a=1', '--ip='], true],
    ['another value', ['kube-apiserver', '--a=2', '--ip=10.0.0.1'], false],
    ['one more', ['kube-apiserver', '--a=1', '--ip=10.0.0.1', '--b'], false],
    ['one less', ['kube-apiserver', '--a=1'], false],
    ['another program', ['etcd', '--a=1', '--ip=10.0.0.1'], false],
    ['nothing', [], false],
  ])('matchesArgv: %s', (_, argv, match) => {
    expect(matchesArgv(expected('--a=1', '--ip=$(IP)'), argv)).toBe(match);
  });

  test('a wrapper is left out, an entrypoint is filled in', () => {
    const wrapped = expectedArgv(server(command('/go-runner', '--', '/bin/kube-apiserver', '--a=1')));
    expect(matchesArgv(wrapped, ['kube-apiserver', '--a=1'])).toBe(true);
    expect(matchesArgv(expectedArgv(server(args('--a=1'))), ['/kube-apiserver', '--a=1'])).toBe(true);
  });
});

describe('what follows from the flags', () => {
  test.each([
    [[], '127.0.0.1', 6443],
    [['--advertise-address=10.0.0.1'], '10.0.0.1', 6443],
    [['--advertise-address=10.0.0.1', '--bind-address=0.0.0.0', '--secure-port', '7443'], '10.0.0.1', 7443],
    [['--advertise-address=10.0.0.1', '--bind-address=10.0.0.2'], '10.0.0.2', 6443],
    [['--bind-address=::', '--advertise-address=fd00::1'], 'fd00::1', 6443],
    [['--bind-address=[fd00::2]'], 'fd00::2', 6443],
    [['--advertise-address=$(HOST_IP)', '--secure-port=x'], '127.0.0.1', 6443],
  ])('%j answers at %s, %d', (words, host, port) => {
    expect(serverEndpoint(server(command('kube-apiserver', ...words)))).toEqual({ host, port });
  });

  test.each([
    ['0', 0],
    ['70s', 70],
    ['1m10s', 70],
    ['1h0.5m', 3630],
    ['1500ms', 1.5],
    ['-2s', -2],
    ['70', undefined],
    ['1d', undefined],
    ['', undefined],
  ])('duration %j is %p seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds);
  });

  test('the time to stop: the delay and the grace period', () => {
    expect(shutdownSeconds(readServer(parseManifest(fixture('args-form.yaml'))))).toEqual({ delay: 70, grace: 90 });
    expect(shutdownSeconds(server(command('kube-apiserver')))).toEqual({ delay: 0, grace: 30 });
  });
});

describe('podIdentity', () => {
  test('with defaults, and with all there is', () => {
    const minimal = 'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: c}]}\n';
    expect(podIdentity(parseManifest(minimal))).toEqual({
      name: 'x',
      namespace: 'default',
      uid: undefined,
      annotations: {},
    });
    expect(podIdentity(parseManifest(pod({ metadata: 'uid: u-1\nannotations: {a: b}\n' })))).toEqual({
      name: 'kube-apiserver',
      namespace: 'kube-system',
      uid: 'u-1',
      annotations: { a: 'b' },
    });
  });

  test('a pod without a name is refused', () => {
    const nameless = 'apiVersion: v1\nkind: Pod\nmetadata: {}\nspec: {containers: [{name: c}]}\n';
    expect(errorOf(() => podIdentity(parseManifest(nameless))).code).toBe('manifest-no-name');
  });
});
