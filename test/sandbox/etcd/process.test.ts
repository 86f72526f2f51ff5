/** etcd as a process: certificates, kill -9 in the middle of writing, what clients see of it. */
import { existsSync } from 'node:fs';
import { get as httpGet } from 'node:http';
import { join } from 'node:path';
import { connectEtcd } from '../../../src/sandbox/etcd/connection';
import type { Follower } from '../../../src/sandbox/etcd/client';
import type { Change, Entry } from '../../../src/sandbox/etcd/store';
import { until } from '../../support/until';
import { etcdNode, etcdReady, startEtcd, type EtcdChild, type EtcdNode } from '../support/etcd-process';

const running: EtcdChild[] = [];

function start(node: EtcdNode, more?: readonly string[]): EtcdChild {
  const etcd = startEtcd(node, more);
  running.push(etcd);
  return etcd;
}

afterEach(async () => {
  for (const { child, ended } of running.splice(0)) {
    child.kill('SIGKILL');
    await ended;
  }
});

/** What a watch cache would have. */
class Mirror implements Follower {
  readonly values = new Map<string, string>();
  resets = 0;
  reset(_: number, entries: readonly Entry[]): void {
    this.resets++;
    this.values.clear();
    for (const { key, value } of entries) this.values.set(key, value);
  }
  changes(changes: readonly Change[]): void {
    for (const { key, put } of changes) {
      if (put) this.values.set(key, put.value);
      else this.values.delete(key);
    }
  }
}

function connect(node: EtcdNode, follower: Follower, dialMs = 5_000) {
  const { cert, key } = node.pki.client;
  return connectEtcd({ host: '127.0.0.1', port: node.port, ca: node.pki.ca, cert, key, dialMs }, '/', follower);
}

function status(port: number, path: string): Promise<[number | undefined, string]> {
  return new Promise((resolve, reject) => {
    httpGet({ host: '127.0.0.1', port, path }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve([response.statusCode, text]));
    }).on('error', reject);
  });
}

test('kill -9 while eight clients write, five times over: every acknowledged write is there, and the watch goes on', async () => {
  const node = await etcdNode();
  const mirror = new Mirror();
  let etcd = start(node);
  await etcdReady(node, etcd);
  const client = await connect(node, mirror);
  const acknowledged = new Map<string, string>();
  let stop = false;
  let next = 0;
  const writer = async (): Promise<void> => {
    while (!stop) {
      const key = `/k${next++ % 50}/${next}`;
      try {
        if ((await client.write({ op: 'put', key, value: `v${next}` })).done) acknowledged.set(key, 'put');
      } catch {
        // Not acknowledged: it may be there or not.
      }
    }
  };
  const writers = Array.from({ length: 8 }, writer);
  for (let round = 0; round < 5; round++) {
    const before = acknowledged.size;
    await until(() => acknowledged.size > before + 100);
    etcd.child.kill('SIGKILL');
    expect(await etcd.ended).toBe('SIGKILL');
    etcd = start(node);
    await etcdReady(node, etcd);
  }
  stop = true;
  await Promise.all(writers);
  await client.write({ op: 'put', key: '/last', value: '' });
  const fresh = new Mirror();
  const second = await connect(node, fresh);
  expect([...acknowledged.keys()].filter((key) => !fresh.values.has(key))).toEqual([]);
  expect(Object.fromEntries(mirror.values)).toEqual(Object.fromEntries(fresh.values));
  await Promise.all([client.close(), second.close()]);
});

test('health over plain HTTP, ports named while it listens, an orderly end', async () => {
  const node = await etcdNode();
  const etcd = start(node);
  expect(await etcdReady(node, etcd)).toEqual([node.port, node.healthPort]);
  expect(await status(node.healthPort, '/health')).toEqual([200, '{"health":"true","reason":""}']);
  expect(await status(node.healthPort, '/readyz')).toEqual([200, 'ok\n']);
  expect((await status(node.healthPort, '/nothing'))[0]).toBe(404);
  etcd.child.kill('SIGTERM');
  expect(await etcd.ended).toBe(0);
  expect(existsSync(join(node.dir, 'run/listening', `${etcd.child.pid}.json`))).toBe(false);
  expect(etcd.stderr()).toContain('sandbox');
});

test('without a certificate of its CA nobody gets in; without etcd the dial has an end', async () => {
  const node = await etcdNode();
  const etcd = start(node);
  await etcdReady(node, etcd);
  const stranger = await etcdNode();
  const { cert, key } = stranger.pki.client;
  const options = { host: '127.0.0.1', port: node.port, ca: node.pki.ca, dialMs: 400 };
  await expect(connectEtcd(options, '/', new Mirror())).rejects.toThrow('context deadline exceeded');
  await expect(connectEtcd({ ...options, cert, key }, '/', new Mirror())).rejects.toThrow('context deadline exceeded');
  await expect(connect(stranger, new Mirror(), 300)).rejects.toThrow('context deadline exceeded');
  const client = await connect(node, new Mirror());
  expect(await client.revision()).toBe(1);
  await client.close();
});

test('what cannot start says why: a flag, a port that is taken', async () => {
  const node = await etcdNode();
  const wrong = start(node, ['--data-dirr=/x']);
  expect(await wrong.ended).toBe(2);
  expect(wrong.stderr()).toBe('flag provided but not defined: -data-dirr\n');
  const first = start(node);
  await etcdReady(node, first);
  const second = start(node);
  expect(await second.ended).toBe(1);
  expect(second.stderr()).toContain(`listen tcp 127.0.0.1:${node.port}: bind: address already in use`);
  expect((await status(node.healthPort, '/health'))[0]).toBe(200);
});

test('two clients on one etcd see each other; etcd with other data is taken as it is', async () => {
  const node = await etcdNode();
  let etcd = start(node);
  await etcdReady(node, etcd);
  const mirrors = [new Mirror(), new Mirror()];
  const [one, other] = await Promise.all(mirrors.map((mirror) => connect(node, mirror)));
  await one!.write({ op: 'put', key: '/a', value: '1' });
  await other!.write({ op: 'put', key: '/b', value: '2' });
  await until(() => mirrors.every(({ values }) => values.size === 2));
  etcd.child.kill('SIGKILL');
  await etcd.ended;
  node.dataDir = join(node.dir, 'restored');
  etcd = start(node);
  await etcdReady(node, etcd);
  await one!.write({ op: 'put', key: '/c', value: '3' });
  await until(() => mirrors.every(({ values, resets }) => resets === 2 && values.size === 1 && values.has('/c')));
  await Promise.all([one!.close(), other!.close()]);
});
