/** The back of the API server on a real etcd process: what happens when that dies and comes back. */
import { openRest } from '../../../src/sandbox/apiserver/rest';
import { until } from '../../support/until';
import { etcdNode, etcdReady, startEtcd } from '../support/etcd-process';
import { FRONT, ask, read } from '../support/rest-front';

test('etcd is killed and comes back: not healthy meanwhile, nothing lost, watches go on', async () => {
  const node = await etcdNode();
  let etcd = startEtcd(node);
  const { cert, key } = node.pki.client;
  const { ca } = node.pki;
  const address = { host: '127.0.0.1', port: node.port, ca, cert, key, dialMs: 5_000 };
  try {
    await etcdReady(node, etcd);
    const rest = await openRest({ gitVersion: 'v1.36.0', bootstrap: true, front: FRONT, etcd: address });
    const path = '/api/v1/namespaces/default/configmaps';
    const make = (name: string) => ask(rest, 'POST', path, { body: { metadata: { name } } });
    expect((await make('before')).status).toBe(201);
    const stop = new AbortController();
    const { metadata } = read(await ask(rest, 'GET', path));
    const watch = await ask(rest, 'GET', `${path}?watch=1&resourceVersion=${metadata.resourceVersion}`, {
      signal: stop.signal,
    });
    expect(await rest.healthy()).toBe(true);

    etcd.child.kill('SIGKILL');
    await etcd.ended;
    await until(async () => !(await rest.healthy()));
    expect(read(await ask(rest, 'GET', `${path}/before`))).toMatchObject({ kind: 'Status', code: 500 });

    etcd = startEtcd(node);
    await etcdReady(node, etcd);
    await until(() => rest.healthy());
    expect((await ask(rest, 'GET', `${path}/before`)).status).toBe(200);
    expect((await make('after')).status).toBe(201);
    if (!('events' in watch.body)) throw new Error('no watch');
    const { value } = await watch.body.events[Symbol.asyncIterator]().next();
    expect(value).toMatchObject({ type: 'ADDED', object: { metadata: { name: 'after' } } });
    stop.abort();
    await rest.close();
  } finally {
    etcd.child.kill('SIGKILL');
    await etcd.ended;
  }
}, 40_000);

test('without etcd it does not open, and says so in time', async () => {
  const etcd = { host: '127.0.0.1', port: 1, dialMs: 200 };
  const opening = openRest({ gitVersion: 'v1.36.0', bootstrap: true, front: FRONT, etcd });
  await expect(opening).rejects.toThrow('context deadline exceeded');
});
