/**
 * The back of the API server: objects, discovery, watches, on an etcd that may have other servers as well. Rule: whatever
 * happens to a request, its answer says so; only a bug rejects.
 */
import { randomInt, randomUUID } from 'node:crypto';
import { Cache, PREFIX } from './rest/cache';
import { bootstrap } from './rest/bootstrap/bootstrap';
import type { Server } from './rest/context';
import { deleteDependents, startKeepers } from './rest/namespaces';
import { Registry } from './rest/registry';
import { route } from './rest/route';
import type { Etcd, Follower } from '../etcd/client';
import { connectEtcd } from '../etcd/connection';
import type { OpenRest, RestApi, RestOptions } from './contract';

export const openRest: OpenRest = (options) =>
  openRestOn((follower) => connectEtcd(options.etcd, PREFIX, follower), options);

/** The same on any etcd; tests have one in memory, and their own time. */
export async function openRestOn(
  connect: (follower: Follower) => Promise<Etcd>,
  options: Omit<RestOptions, 'etcd'>,
  now: () => Date = () => new Date(),
): Promise<RestApi> {
  const cache = new Cache();
  const etcd = await connect(cache);
  const registry = new Registry(etcd, cache);
  const ending = new AbortController();
  const server: Server = {
    registry,
    front: options.front,
    gitVersion: options.gitVersion,
    clusterCa: options.clusterCa ?? '',
    now,
    uid: randomUUID,
    around: {
      objects: (group, resource) => cache.bucket({ group, resource }).objects(),
      random: (below) => randomInt(below),
    },
    ending: ending.signal,
    deleteDependents: (uid, orphan) => deleteDependents(server, uid, orphan),
  };
  let stopKeepers: () => void = () => undefined;
  try {
    if (options.bootstrap) await bootstrap(server, minorOf(options.gitVersion));
    stopKeepers = startKeepers(server);
  } catch (error) {
    await etcd.close();
    throw error;
  }
  return {
    handle: (request) => route(server, request),
    healthy: () => registry.healthy(),
    objects: (apiGroup, resource) => cache.bucket({ group: apiGroup, resource }).objects(),
    async close() {
      stopKeepers();
      ending.abort();
      await etcd.close();
    },
  };
}

function minorOf(gitVersion: string): number {
  return Number(/^v?\d+\.(\d+)/.exec(gitVersion)?.[1] ?? 0);
}
