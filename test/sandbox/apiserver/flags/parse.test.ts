/** kube-apiserver's command line; the messages were recorded from a real 1.20.2, for values that it does not take. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AUDIT_FLAGS } from '../../../../src/core/audit-flags';
import { auditOptions, auditProblems } from '../../../../src/sandbox/apiserver/audit/options';
import { parseFlags } from '../../../../src/sandbox/apiserver/flags/parse';
import { flagSpecs } from '../../../../src/sandbox/apiserver/flags/table';
import { validationError } from '../../../../src/sandbox/apiserver/flags/validate';
import { flagsOf } from '../../../support/front';

test.each([
  [
    '--audit-log-maxage=x',
    'invalid argument "x" for "--audit-log-maxage" flag: strconv.ParseInt: parsing "x": invalid syntax',
  ],
  [
    '--audit-log-maxage=99999999999999999999',
    'invalid argument "99999999999999999999" for "--audit-log-maxage" flag: strconv.ParseInt: parsing "99999999999999999999": value out of range',
  ],
  [
    '--anonymous-auth=maybe',
    'invalid argument "maybe" for "--anonymous-auth" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
  ],
  [
    '--audit-webhook-initial-backoff=5',
    'invalid argument "5" for "--audit-webhook-initial-backoff" flag: time: missing unit in duration "5"',
  ],
  [
    '--audit-webhook-initial-backoff=x',
    'invalid argument "x" for "--audit-webhook-initial-backoff" flag: time: invalid duration "x"',
  ],
  [
    '--request-timeout=5x',
    'invalid argument "5x" for "--request-timeout" flag: time: unknown unit "x" in duration "5x"',
  ],
  [
    '--audit-log-batch-throttle-qps=x',
    'invalid argument "x" for "--audit-log-batch-throttle-qps" flag: strconv.ParseFloat: parsing "x": invalid syntax',
  ],
  ['--bind-address=x', 'invalid argument "x" for "--bind-address" flag: failed to parse IP: "x"'],
  ['---x', 'bad flag syntax: ---x'],
  ['--=x', 'bad flag syntax: --=x'],
  ['-x', "unknown shorthand flag: 'x' in -x"],
  ['--audit-log-path', 'flag needs an argument: --audit-log-path'],
  ['foo', '"kube-apiserver" does not take any arguments, got ["foo"]'],
  ['--feature-gates=x', 'invalid argument "x" for "--feature-gates" flag: missing bool value for x'],
  [
    '--service-node-port-range=x',
    'invalid argument "x" for "--service-node-port-range" flag: strconv.Atoi: parsing "x": invalid syntax',
  ],
  ['--v=x', 'invalid argument "x" for "-v, --v" flag: strconv.ParseInt: parsing "x": invalid syntax'],
  [
    '--secure-port=1.5',
    'invalid argument "1.5" for "--secure-port" flag: strconv.ParseInt: parsing "1.5": invalid syntax',
  ],
  [
    '--tls-sni-cert-key=a',
    'invalid argument "a" for "--tls-sni-cert-key" flag: expected comma separated certificate and key file paths',
  ],
  [
    '--oidc-required-claim=x',
    'invalid argument "x" for "--oidc-required-claim" flag: malformed pair, expect string=string',
  ],
  ['--vmodule=x', 'invalid argument "x" for "--vmodule" flag: syntax error: expect comma-separated list of filename=N'],
  [
    '--cloud-provider-gce-l7lb-src-cidrs=x',
    'invalid argument "x" for "--cloud-provider-gce-l7lb-src-cidrs" flag: invalid CIDR address: x',
  ],
  ['--audit_log_maxage=x', 'unknown flag: --audit_log_maxage'],
  ['--log-file-max-size=-1', 'invalid argument "-1" for "--log-file-max-size" flag: parse error'],
  ['--version=x', 'invalid argument "x" for "--version" flag: strconv.ParseBool: parsing "x": invalid syntax'],
])('%s', (arg, message) => {
  expect(parseFlags([arg], 20)).toMatchObject({ kind: 'error', message });
});

test('the last of two wins, a value may stand apart, underscores are dashes since 1.23, lists add up', () => {
  const flags = flagsOf([
    '--v=2',
    '--audit-log-maxage',
    '3',
    '--audit_log_maxage=4',
    '--etcd-servers=a,b',
    '--etcd-servers',
    'c',
    '-v',
    '5',
  ]);
  expect(flags.integer('audit-log-maxage', 0)).toBe(4);
  expect(flags.list('etcd-servers')).toEqual(['a', 'b', 'c']);
  expect(flags.integer('v', 0)).toBe(5);
});

test('a boolean takes its value with an equals sign only', () => {
  expect(flagsOf(['--anonymous-auth']).boolean('anonymous-auth', false)).toBe(true);
  expect(parseFlags(['--anonymous-auth', 'false'], 36)).toMatchObject({
    message: '"kube-apiserver" does not take any arguments, got ["false"]',
  });
});

test('a flag that has been taken out is unknown, and one that is going is told of', () => {
  expect(parseFlags(['--insecure-port=0'], 36)).toMatchObject({ message: 'unknown flag: --insecure-port' });
  expect(parseFlags(['--insecure-port=0'], 20)).toMatchObject({
    kind: 'flags',
    deprecated: ['Flag --insecure-port has been deprecated, This flag has no effect now and will be removed in v1.24.'],
  });
});

test('every audit flag, and every flag of the manifests that kubeadm writes, is known', () => {
  for (const minor of [20, 36]) {
    const specs = flagSpecs(minor);
    expect(AUDIT_FLAGS.filter((name) => !specs.has(name))).toEqual([]);
    const manifest = readFileSync(join(__dirname, `../../../../fixtures/manifests/kubeadm-1.${minor}.yaml`), 'utf8');
    const args = [...manifest.matchAll(/^ {4}- (--.*)$/gm)].map(([, arg = '']) => arg);
    expect(parseFlags(args, minor).kind).toBe('flags');
    expect(args.length).toBeGreaterThan(20);
    expect(validationError(flagsOf(args, minor), minor)).toBeUndefined();
  }
});

const LOG = '--audit-log-path=/x';
const HOOK = '--audit-webhook-config-file=/x';

test.each([
  [[LOG, '--audit-log-mode=x'], ['invalid audit log mode x, allowed modes are "batch,blocking,blocking-strict"']],
  [
    [LOG, '--audit-log-mode=batch', '--audit-log-batch-buffer-size=0'],
    ['invalid audit batch log buffer size 0, must be a positive number'],
  ],
  [[LOG, '--audit-log-batch-buffer-size=0'], []],
  [
    [LOG, '--audit-log-mode=batch', '--audit-log-batch-throttle-enable=true'],
    ['invalid audit batch log throttle QPS 0, must be a positive number'],
  ],
  [
    [LOG, '--audit-log-truncate-max-event-size=-5'],
    ['invalid audit truncate log max event size -5, must be a positive number'],
  ],
  [
    [LOG, '--audit-log-truncate-max-event-size=50', '--audit-log-truncate-max-batch-size=5'],
    ['invalid audit truncate log max batch size 5, must be greater than max event size (50)'],
  ],
  [[LOG, '--audit-log-format=z'], ['invalid audit log format z, allowed formats are "legacy,json"']],
  [[LOG, '--audit-log-version=v9'], ['invalid group version, allowed versions are ["audit.k8s.io/v1"]']],
  [['--audit-log-maxage=-1'], []],
  [
    [HOOK, '--audit-webhook-batch-max-size=-1'],
    ['invalid audit batch webhook max batch size -1, must be a positive number'],
  ],
])('%j', (args, problems) => {
  expect(auditProblems(flagsOf(args), 36)).toEqual(problems);
});

test('the defaults of rotation are those of the version; no size means 100 MB before 1.36 and no rotation since', () => {
  const rotation = (minor: number, ...more: string[]) =>
    auditOptions(flagsOf([LOG, ...more], minor), minor).log!.rotation;
  expect(rotation(36)).toEqual({ maxSize: 100 << 20, maxAge: 366, maxBackups: 100, compress: false });
  expect(rotation(35)).toEqual({ maxSize: 100 << 20, maxAge: 0, maxBackups: 0, compress: false });
  expect(rotation(36, '--audit-log-maxsize=0').maxSize).toBeUndefined();
  expect(rotation(35, '--audit-log-maxsize=0').maxSize).toBe(100 << 20);
});

test('validation says everything at once, in the order of the real one', () => {
  const flags = flagsOf([
    '--service-account-issuer=i',
    '--service-account-signing-key-file=k',
    '--service-account-key-file=k',
    '--authorization-mode=Foo,RBAC,RBAC',
    '--enable-admission-plugins=Bar',
    '--secure-port=0',
  ]);
  expect(validationError(flags, 36)).toBe(
    '[--etcd-servers must be specified, --secure-port 0 must be between 1 and 65535, inclusive. It cannot be turned off with 0, ' +
      'authorization-mode "Foo" is not a valid mode, authorization-mode ["Foo" "RBAC" "RBAC"] has mode specified more than once, ' +
      'enable-admission-plugins plugin "Bar" is unknown]',
  );
});
