/** Fields that a type does not have, and fields of a wrong type: the server's words, and what is stored. */
import type { RestApi } from '../../../src/sandbox/apiserver/contract';
import { ask, openMemoryRest, read } from '../support/rest-front';

let rest: RestApi;
beforeAll(async () => {
  rest = await openMemoryRest();
});
afterAll(() => rest.close());

const MAPS = '/api/v1/namespaces/default/configmaps';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';
const map = (name: string) => ({ metadata: { name, nonsense: 1 }, data: { a: '1' }, dota: { b: '2' } });
const deployment = (port: unknown, more: object = {}) => ({
  metadata: { name: 'd' },
  spec: {
    selector: { matchLabels: { a: 'b' } },
    template: {
      metadata: { labels: { a: 'b' } },
      spec: { containers: [{ name: 'c', image: 'x', ports: [{ containerPort: port }], ...more }] },
    },
  },
});

test('Strict refuses an unknown field by its path', async () => {
  const { status, body } = await ask(rest, 'POST', `${MAPS}?fieldValidation=Strict`, { body: map('s') });
  expect([status, body]).toMatchObject([
    400,
    {
      json: {
        reason: 'BadRequest',
        message:
          'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "metadata.nonsense", unknown field "dota"',
      },
    },
  ]);
  const inner = await ask(rest, 'POST', `${DEPLOYMENTS}?fieldValidation=Strict`, {
    body: deployment(80, { imag: 'y' }),
  });
  expect(read(inner).message).toContain('error: unknown field "spec.template.spec.containers[0].imag"');
});

test('Warn, the default, leaves it out and says so; Ignore leaves it out', async () => {
  for (const [name, query, warning] of [
    ['w', '', '299 - "unknown field \\"metadata.nonsense\\"", 299 - "unknown field \\"dota\\""'],
    ['i', '?fieldValidation=Ignore', undefined],
  ] as const) {
    const answer = await ask(rest, 'POST', `${MAPS}${query}`, { body: map(name) });
    expect([answer.status, answer.headers?.Warning]).toEqual([201, warning]);
    expect(Object.keys(read(await ask(rest, 'GET', `${MAPS}/${name}`)))).toEqual([
      ...['kind', 'apiVersion', 'metadata', 'data'],
    ]);
  }
});

test('a wrong type is refused in the words of Go', async () => {
  const message = async (port: unknown, more?: object): Promise<string> =>
    read(await ask(rest, 'POST', DEPLOYMENTS, { body: deployment(port, more) })).message as string;
  const start = 'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal';
  expect(await message('x')).toBe(
    `${start} string into Go struct field ContainerPort.spec.template.spec.containers.ports.containerPort of type int32`,
  );
  expect(await message(80, { command: 'sh' })).toBe(
    `${start} string into Go struct field Container.spec.template.spec.containers.command of type []string`,
  );
});

test('patches: refused when strict; an apply always', async () => {
  const patch = (type: string, query: string, body: object) =>
    ask(rest, 'PATCH', `${MAPS}/w?${query}`, { contentType: `application/${type}`, body });
  const strict = await patch('merge-patch+json', 'fieldValidation=Strict', { dota: {} });
  expect([strict.status, read(strict).message]).toEqual([
    422,
    expect.stringContaining('patch: Invalid value: "{\\"dota\\":{}}": strict decoding error: unknown field "dota"'),
  ]);
  const warned = await patch('merge-patch+json', '', { dota: {} });
  expect([warned.status, warned.headers?.Warning]).toEqual([200, '299 - "unknown field \\"dota\\""']);
  const applied = await patch('apply-patch+yaml', 'fieldManager=m', { apiVersion: 'v1', kind: 'ConfigMap', dota: {} });
  expect([applied.status, read(applied).message]).toEqual([
    500,
    'failed to create typed patch object (default/w; v1, Kind=ConfigMap): .dota: field not declared in schema',
  ]);
});

test('a server of before 1.25 drops it without a word', async () => {
  const old = await openMemoryRest({ gitVersion: 'v1.20.0' });
  const answer = await ask(old, 'POST', `${MAPS}?fieldValidation=Strict`, { body: map('o') });
  expect([answer.status, answer.headers?.Warning, 'dota' in read(answer)]).toEqual([201, undefined, false]);
  await old.close();
});
