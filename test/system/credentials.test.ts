import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../../src/core/errors';
import { findCredentials } from '../../src/system/credentials';
import { ADMIN, CA, EXPIRED_ADMIN, kubeconfig } from '../support/certificates';
import { tempFolder } from '../support/temp-folder';

const ADMIN_CONF = '/etc/kubernetes/admin.conf';
const SUPER = '/etc/kubernetes/super-admin.conf';
const PKI = '/etc/kubernetes/pki';
const CLIENT = `${PKI}/apiserver-kubelet-client`;
const pki = { [`${PKI}/ca.crt`]: CA, [`${CLIENT}.crt`]: ADMIN.cert, [`${CLIENT}.key`]: ADMIN.key };
const expired = kubeconfig({ pair: EXPIRED_ADMIN });

function nodeWith(files: Record<string, string>): string {
  const root = tempFolder();
  mkdirSync(join(root, PKI), { recursive: true });
  for (const [path, text] of Object.entries(files)) writeFileSync(join(root, path), text);
  return root;
}

test.each<[title: string, files: Record<string, string>, source: string | undefined]>([
  ['admin.conf first', { [ADMIN_CONF]: kubeconfig(), [SUPER]: kubeconfig(), ...pki }, ADMIN_CONF],
  ['then super-admin.conf', { [SUPER]: kubeconfig(), ...pki }, SUPER],
  ['then the client certificate of the API server', pki, `${CLIENT}.crt`],
  ['passing over an expired one', { [ADMIN_CONF]: expired, [SUPER]: kubeconfig() }, SUPER],
  ['passing over a broken one', { [ADMIN_CONF]: 'broken', ...pki }, `${CLIENT}.crt`],
  ['none at all', {}, undefined],
])('%s', async (_, files, source) => {
  const found = await findCredentials({ root: nodeWith(files) });
  expect(found?.source).toBe(source);
  if (!found) return;
  expect(found).toMatchObject({
    user: 'kubernetes-admin',
    groups: ['system:masters', 'kubeadm:cluster-admins', 'system:authenticated'],
  });
  expect([found.ca.toString(), found.cert?.toString(), found.key?.toString()]).toEqual([CA, ADMIN.cert, ADMIN.key]);
});

test('when nothing is left it says why, a hint each, and nothing secret', async () => {
  const root = nodeWith({ [ADMIN_CONF]: expired, [SUPER]: 'broken', [`${CLIENT}.crt`]: ADMIN.cert });
  const thrown = (await findCredentials({ root }).catch((error: unknown) => error)) as UserError;
  expect(thrown).toBeInstanceOf(UserError);
  expect(thrown.code).toBe('certificate-expired');
  expect(thrown.message).toContain(`in ${ADMIN_CONF} expired on 2024-01-01T00:00:00.000Z`);
  expect(thrown.message).toContain(`${SUPER} is not a YAML mapping`);
  expect(thrown.message).toContain(`${CLIENT}.key: no such file`);
  expect(thrown.hints).toContain('sudo kubeadm certs renew admin.conf');
  expect(thrown.message).not.toMatch(/BEGIN|PRIVATE/);
});

test('a certificate is good to its last second', async () => {
  const root = nodeWith({ [ADMIN_CONF]: expired });
  expect(await findCredentials({ root, now: Date.UTC(2023, 11, 31) })).toMatchObject({ source: ADMIN_CONF });
});

test('a file that this user must not read is a reason', async () => {
  if (process.getuid?.() === 0) return;
  const root = nodeWith({ [ADMIN_CONF]: kubeconfig() });
  chmodSync(join(root, ADMIN_CONF), 0);
  await expect(findCredentials({ root })).rejects.toMatchObject({ code: 'permission-denied' });
});
