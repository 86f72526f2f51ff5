/** Mistakes that a look can tell: caught before the write, on a real node, with no poll of /readyz failed. */
import { install, leave, MANIFEST, observe, on, pristine, reset, sh, toolCommand } from './node';

afterAll(leave);

beforeAll(async () => {
  await install();
  await reset();
});

const after =
  (line: RegExp, ...added: string[]) =>
  (text: string) =>
    text.replace(line, (found) => [found, ...added].join('\n'));
const flags = (...list: string[]) => after(/^ {4}- --secure-port=.*$/m, ...list.map((flag) => `    - ${flag}`));
const policy = '--audit-policy-file=/etc/kubernetes/e2e-policy.yaml';
const mounted = (type: string) => (text: string) =>
  after(
    /^ {2}volumes:$/m,
    `  - {name: p, hostPath: {path: /etc/kubernetes/e2e-policy.yaml, type: ${type}}}`,
  )(
    after(
      /^ {4}volumeMounts:$/m,
      '    - {name: p, mountPath: /etc/kubernetes/e2e-policy.yaml, readOnly: true}',
    )(flags(policy)(text)),
  );

interface Case {
  name: string;
  change: (text: string) => string;
  before?: string;
  undo?: string;
  says: string;
  code?: number;
}

const cases: Case[] = [
  { name: 'a misspelt field', change: (text) => text.replace('readOnly', 'readOlny'), says: 'manifest-unknown-field' },
  { name: 'a tab', change: (text) => text.replace('  hostNetwork', '\thostNetwork'), says: 'manifest-syntax', code: 2 },
  {
    name: 'a duplicate key',
    change: after(/^ {2}hostNetwork: true$/m, '  hostNetwork: true'),
    says: 'manifest-duplicate-key',
  },
  {
    name: 'a wrong type',
    change: (text) => text.replace('hostNetwork: true', 'hostNetwork: "true"'),
    says: 'manifest-wrong-type',
  },
  { name: 'an unknown flag', change: flags('--audit-log-maxbackups=3'), says: 'unknown-flag' },
  { name: 'the policy not mounted', change: flags(policy), says: 'path-not-mounted' },
  { name: 'the policy file missing', change: mounted('File'), says: 'host-path-missing' },
  {
    name: 'a folder where the policy should be',
    change: mounted('File'),
    before: 'mkdir /etc/kubernetes/e2e-policy.yaml',
    undo: 'rmdir /etc/kubernetes/e2e-policy.yaml',
    says: 'host-path-wrong-type',
  },
  {
    name: 'a policy without rules',
    change: mounted('File'),
    before: 'printf "apiVersion: audit.k8s.io/v1\\nkind: Policy\\nrules: []\\n" > /etc/kubernetes/e2e-policy.yaml',
    undo: 'rm /etc/kubernetes/e2e-policy.yaml',
    says: 'no-rules',
  },
  {
    name: 'a mount without a volume',
    change: after(/^ {4}volumeMounts:$/m, '    - {name: none, mountPath: /x}'),
    says: 'manifest-invalid',
  },
  {
    name: 'a log that stays inside the container',
    change: flags('--audit-log-path=/var/log/x/audit.log'),
    says: 'log-not-on-host',
  },
];

test.each(cases)('$name', async ({ change, before, undo, says, code = 1 }) => {
  const text = change(await pristine());
  expect(text).not.toBe(await pristine());
  await sh('cat > /root/e2e-bad.yaml', text);
  if (before) await sh(before);
  try {
    const seen = await observe(toolCommand('apply', '-f', '/root/e2e-bad.yaml', '-o', 'json'));
    expect([seen.code, seen.failedPolls, seen.manifestEvents]).toEqual([code, 0, []]);
    expect(seen.stdout).toContain(`"${says}"`);
    expect(await sh(`cat ${MANIFEST}`)).toBe(await pristine());
  } finally {
    if (undo) await sh(undo);
  }
});

test('edit in a real terminal: a misspelt field is shown, mended in the editor, and q leaves everything as it was', async () => {
  await sh(
    'cat > /root/e2e-ed && chmod 755 /root/e2e-ed',
    '#!/bin/sh\nif grep -q readOlny "$1"; then sed -i s/readOlny/readOnly/ "$1"; echo "# mended" >> "$1"; else sed -i 0,/readOnly/s//readOlny/ "$1"; fi\n',
  );
  const answers = `(sleep 3; echo a; sleep 1; echo e; sleep 3; echo d; sleep 1; echo q; sleep 2)`;
  const command = toolCommand('edit').join(' ');
  const ran = await on(['sh', '-c', `${answers} | EDITOR=/root/e2e-ed script -qec '${command}' /dev/null`]);
  expect(ran.stdout).toContain('has no field `readOlny`');
  expect(ran.stdout).toMatch(/\(e\)dit again, \(d\)iff, \(q\)uit\?[^]*\(e\)dit again, \(d\)iff, \(a\)pply, \(q\)uit\?/);
  expect(ran.stdout).toContain('+# mended');
  expect(ran.code).toBe(1);
  expect(await sh(`cat ${MANIFEST}`)).toBe(await pristine());
});
