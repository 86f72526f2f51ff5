/**
 * Changes on disk: changes/ID/ with record.json, copies of every file before and after, and the evidence of a failure.
 * All of it 0700 and 0600: copies hold whatever the user's own files hold.
 */
import { messageOf, UserError } from '../core/errors';
import { isChangeId, parseRecord, type ChangeRecord } from '../core/record';
import type { Files } from './ports';

const RECORD_LIMIT = 4 << 20;
const COPY_LIMIT = 16 << 20;
const KEEP = 20;

export interface Store {
  readonly folder: string;
  pathOf(id: string): string;
  /** Writes copies first, the record last: a record always finds its copies. Leaves nothing when it rejects. */
  prepare(record: ChangeRecord, copies: readonly { name: string; bytes: Uint8Array }[]): Promise<void>;
  save(record: ChangeRecord): Promise<void>;
  load(id: string): Promise<ChangeRecord>;
  copy(id: string, name: string): Promise<Uint8Array>;
  /** All records, oldest first. A folder whose record cannot be read is answered in `damaged`, never dropped. */
  list(): Promise<{ records: ChangeRecord[]; damaged: { id: string; why: string }[] }>;
  saveEvidence(id: string, files: readonly { name: string; text: string }[]): Promise<string>;
  /** Removes what a process left that ended while it prepared: a folder without a record, about which nothing was done. */
  sweep(): Promise<void>;
  /** Removes the oldest final changes beyond the number kept, but never one of `needed`. */
  prune(needed: ReadonlySet<string>): Promise<void>;
}

/** @param stateDir e.g. /var/lib/kube-auditctl */
export function openStore(files: Files, stateDir: string): Store {
  const folder = `${stateDir}/changes`;
  const pathOf = (id: string): string => `${folder}/${id}`;
  const write = (path: string, bytes: Uint8Array): Promise<void> =>
    files.writeAtomic(path, { bytes, mode: 0o600, uid: 0, gid: 0 });
  const bytesOf = (record: ChangeRecord): Uint8Array =>
    new TextEncoder().encode(`${JSON.stringify(record, null, 2)}\n`);

  const load = async (id: string): Promise<ChangeRecord> => {
    const path = `${pathOf(id)}/record.json`;
    const image = await files.read(path, RECORD_LIMIT);
    return parseRecord(new TextDecoder().decode(image.bytes), path);
  };

  const list: Store['list'] = async () => {
    const ids = (await files.list(folder)).filter(isChangeId);
    const records: ChangeRecord[] = [];
    const damaged: { id: string; why: string }[] = [];
    for (const id of ids) {
      try {
        records.push(await load(id));
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        damaged.push({ id, why: messageOf(error) });
      }
    }
    return { records, damaged };
  };

  return {
    folder,
    pathOf,
    load,
    list,
    async prepare(record, copies) {
      await files.makeFolder(folder, 0o700);
      const own = pathOf(record.id);
      try {
        await files.makeFolder(own, 0o700);
        for (const { name, bytes } of copies) await write(`${own}/${name}`, bytes);
        await write(`${own}/record.json`, bytesOf(record));
      } catch (error) {
        await files.removeTree(own).catch(() => undefined);
        throw error;
      }
    },
    save: (record) => write(`${pathOf(record.id)}/record.json`, bytesOf(record)),
    copy: async (id, name) => (await files.read(`${pathOf(id)}/${name}`, COPY_LIMIT)).bytes,
    async saveEvidence(id, evidence) {
      const path = `${pathOf(id)}/evidence`;
      await files.makeFolder(path, 0o700);
      for (const { name, text } of evidence) await write(`${path}/${name}`, new TextEncoder().encode(text));
      return path;
    },
    async sweep() {
      for (const id of (await files.list(folder)).filter(isChangeId)) {
        const path = pathOf(id);
        if (await files.look(`${path}/record.json`)) {
          for (const each of [path, `${path}/evidence`]) await files.sweepTemp(each);
        } else await files.removeTree(path);
      }
    },
    async prune(needed) {
      const { records } = await list();
      const final = records.filter((record) => record.state !== 'prepared' && record.state !== 'written');
      for (const record of final.slice(0, Math.max(0, records.length - KEEP))) {
        if (!needed.has(record.id)) await files.removeTree(pathOf(record.id));
      }
    },
  };
}
