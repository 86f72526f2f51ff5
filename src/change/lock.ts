/** One change at a time on a node. A second one does not wait: it says who is at work. */
import { UserError } from '../core/errors';
import type { Ports } from './ports';

export async function withLock<T>(
  ports: Pick<Ports, 'lock' | 'node' | 'clock'>,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const since = new Date(ports.clock.now()).toISOString();
  const lock = await ports.lock.acquire({ pid: ports.node.pid(), what, since });
  if (lock.state === 'taken') {
    const by = lock.by
      ? `pid ${lock.by.pid} (kube-auditctl ${lock.by.what}, since ${lock.by.since})`
      : 'another process';
    throw new UserError('locked', `locked by ${by}: one change at a time`, {
      hints: ['wait until it has ended, then run this again', ...(lock.by ? [`ps -fp ${lock.by.pid}`] : [])],
    });
  }
  try {
    return await work();
  } finally {
    await lock.release();
  }
}
