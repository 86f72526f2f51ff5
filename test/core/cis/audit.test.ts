/** The benchmark's audit checks, by the ids of the edition that fits the server. */
import { cisAuditChecks } from '../../../src/core/cis/audit';
import { readAudit } from '../../../src/core/manifest/audit';
import { parseManifest } from '../../../src/core/manifest/document';
import { readServer } from '../../../src/core/manifest/server';
import { pod } from '../../support/manifests';

const ROOT = { mode: 0o600, uid: 0, gid: 0 };

function checks(flags: readonly string[], minor?: number, manifest = ROOT) {
  const doc = parseManifest(pod({ container: `command: [kube-apiserver, ${flags.join(', ')}]\n` }));
  return cisAuditChecks({ settings: readAudit(doc, readServer(doc)), manifest }, minor);
}

const GOOD = [
  '--audit-policy-file=/p',
  '--audit-log-path=/l',
  '--audit-log-maxage=30',
  '--audit-log-maxbackup=10',
  '--audit-log-maxsize=100',
];
const failing = (result: ReturnType<typeof checks>): string[] =>
  result.checks.filter(({ pass }) => !pass).map(({ id }) => id);

test.each([
  [18, 22, 'cis-1.5 and cis-1.6'],
  [19, 21, 'cis-1.20'],
  [21, 21, 'cis-1.20'],
  [22, 19, 'cis-1.23'],
  [23, 19, 'cis-1.23'],
  [24, 18, 'cis-1.7 and cis-1.24'],
  [25, 18, 'cis-1.7 and cis-1.24'],
  [26, 17, 'cis-1.8'],
  [27, 16, 'cis-1.9 to cis-1.12'],
  [36, 16, 'cis-1.9 to cis-1.12'],
  [undefined, 16, 'cis-1.9 to cis-1.12'],
])('Kubernetes 1.%s: the four begin at 1.2.%i', (minor, first, edition) => {
  const result = checks(GOOD, minor);
  expect(result.edition).toBe(edition);
  expect(result.checks.map(({ id }) => id)).toEqual([
    '1.1.1',
    '1.1.2',
    `1.2.${first}`,
    `1.2.${first + 1}`,
    `1.2.${first + 2}`,
    `1.2.${first + 3}`,
    '3.2.1',
  ]);
  expect(failing(result)).toEqual([]);
});

test.each([
  [GOOD.slice(1), ['3.2.1']],
  [['--audit-policy-file=/p'], ['1.2.16', '1.2.17', '1.2.18', '1.2.19']],
  [GOOD.map((flag) => flag.replace('=30', '=29')), ['1.2.17']],
  [GOOD.map((flag) => flag.replace(/=10$/, '=9')), ['1.2.18']],
  [GOOD.filter((flag) => !flag.includes('maxsize')), ['1.2.19']],
])('%j fails %j', (flags, expected) => {
  expect(failing(checks(flags, 30))).toEqual(expected);
});

test.each([
  [{ ...ROOT, mode: 0o400 }, []],
  [{ ...ROOT, mode: 0o640 }, ['1.1.1']],
  [{ ...ROOT, mode: 0o700 }, ['1.1.1']],
  [{ ...ROOT, uid: 1000 }, ['1.1.2']],
  [{ ...ROOT, gid: 5 }, ['1.1.2']],
])('a manifest of %j fails %j', (manifest, expected) => {
  expect(failing(checks(GOOD, 30, manifest))).toEqual(expected);
});
