/**
 * The calls for a node whose root is an ordinary user of this machine (the sandbox). Rule: what is ours is shown as root's,
 * and what is to be root's is made ours; everything else is as it is.
 */
import type { Attributes, FsCalls, Stat } from './fs-calls';

export function ownedAsRoot(calls: FsCalls, own: { uid: number; gid: number }): FsCalls {
  if (own.uid === 0) return calls;
  const shown = (stat: Stat): Stat => ({
    ...stat,
    uid: stat.uid === own.uid ? 0 : stat.uid,
    gid: stat.gid === own.gid ? 0 : stat.gid,
  });
  const meant = ({ mode, uid, gid }: Attributes): Attributes => ({
    mode,
    uid: uid === 0 ? own.uid : uid,
    gid: gid === 0 ? own.gid : gid,
  });
  return {
    ...calls,
    lstat: async (path) => shown(await calls.lstat(path)),
    async readFile(path, limit) {
      const { bytes, stat } = await calls.readFile(path, limit);
      return { bytes, stat: shown(stat) };
    },
    createExclusive: async (path, bytes, attributes) =>
      shown(await calls.createExclusive(path, bytes, meant(attributes))),
  };
}
