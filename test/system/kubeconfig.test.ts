import { UserError } from '../../src/core/errors';
import { readKubeconfig } from '../../src/system/kubeconfig';
import { ADMIN, CA, kubeconfig } from '../support/certificates';

const PATH = '/etc/kubernetes/admin.conf';
const none = (path: string) => Promise.reject(new UserError('not-found', path));

test("the current context's certificate, key and CA", async () => {
  const { ca, cert, key, token } = await readKubeconfig(kubeconfig(), PATH, none);
  expect([ca.toString(), cert?.toString(), key?.toString(), token]).toEqual([CA, ADMIN.cert, ADMIN.key, undefined]);
});

const base = { contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }], 'current-context': 'c' };
const withUser = (user: object, cluster: object = { 'certificate-authority': 'pki/ca.crt' }) =>
  JSON.stringify({ ...base, clusters: [{ name: 'k', cluster }], users: [{ name: 'u', user }] });

test('files are looked for beside the kubeconfig', async () => {
  const text = withUser({ 'client-certificate': '/abs/a.crt', 'client-key': '../a.key' });
  const { ca, cert, key } = await readKubeconfig(text, PATH, (path) => Promise.resolve(Buffer.from(path)));
  expect([ca, cert, key].map(String)).toEqual(['/etc/kubernetes/pki/ca.crt', '/abs/a.crt', '/etc/a.key']);
});

test('a token will do', async () => {
  const text = withUser({ token: 'abc' }, { 'certificate-authority-data': 'Q0E=' });
  expect(await readKubeconfig(text, PATH, none)).toEqual({ ca: Buffer.from('CA'), token: 'abc' });
});

test.each([
  ['no YAML', 'a: [SECRET', 'is not a YAML mapping'],
  ['a list', '- SECRET', 'is not a YAML mapping'],
  ['no current context', '{}', 'does not say which context to use'],
  ['a context that is not there', JSON.stringify({ 'current-context': 'c', contexts: [] }), 'has no context named c'],
  ['a cluster that is not there', JSON.stringify({ ...base, clusters: 7 }), 'has no cluster named k'],
  ['no CA', withUser({ token: 'SECRET' }, { server: 'x' }), 'names no certificate authority'],
  ['half a pair', withUser({ 'client-key-data': 'SECRET' }, { 'certificate-authority-data': 'SECRET' }), 'has neither'],
])('%s: says so, and nothing secret', async (_, text, words) => {
  const thrown = (await readKubeconfig(text, PATH, none).catch((error: unknown) => error)) as UserError;
  expect(thrown.code).toBe('kubeconfig-invalid');
  expect(thrown.message).toContain(`${PATH} ${words}`);
  expect(JSON.stringify([thrown.message, thrown.hints, thrown.cause])).not.toContain('SECRET');
});
