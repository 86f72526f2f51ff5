/**
 * After a crash: finds records that were never finished, and finishes or undoes them by what stands on the disk.
 * Run by every command that changes something, by the guard, and by hand.
 */
import type { Outcome } from '../core/outcome';
import { decodeText, describe } from './manifest';
import type { ChangeRecord } from '../core/record';
import { FINAL_STATES } from '../core/record';
import { UserError, messageOf } from '../core/errors';
import { diffsOf } from './plan';
import { withLock } from './lock';
import { manifestsAside, manifestStands } from './aside';
import { bringBack, removeAside } from './hand-over';
import { openEyes, putBack, returnFromAside, save, settle, settleRestored, type Change } from './settle';
import type { FileImage, Ports } from './ports';
import { openStore, type Store } from './store';

export type Recovery =
  | { state: 'nothing' }
  /**
   * Its process lives and holds the lock: it needs no help. rescued: it has had no manifest for longer than a hand-over can
   * take; the old one was put back all the same.
   */
  | { state: 'at-work'; rescued: boolean }
  | { state: 'recovered'; outcomes: readonly Outcome[] }
  /** There was no manifest, no record that tells why, and one waiting aside: it has its name again. */
  | { state: 'brought-back'; manifestPath: string; from: string };

/** By hand (`kube-auditctl recover`), or by the guard of one change. */
export async function recover(
  ports: Ports,
  options: { stateDir: string; manifestPath: string; guard?: string },
): Promise<Recovery> {
  const { manifestPath, guard } = options;
  const store = openStore(ports.files, options.stateDir);
  try {
    return await withLock(ports, 'recover', async () => {
      // By hand also what was given up as needing a person: they have come, and perhaps mended the cause.
      const outcomes = await recoverUnfinished(ports, store, { alsoGivenUp: guard === undefined });
      if (guard !== undefined && !(await isEmptied(ports, (await store.list()).records.at(-1))))
        await ports.guard.disarm(guard);
      if (outcomes.length > 0) return { state: 'recovered', outcomes };
      const from = await adopt(ports, manifestPath);
      return from === undefined ? { state: 'nothing' } : { state: 'brought-back', manifestPath, from };
    });
  } catch (error) {
    if (guard !== undefined && error instanceof UserError && error.code === 'locked')
      return { state: 'at-work', rescued: await rescue(ports, store, guard) };
    throw error;
  }
}

/** Whether the folder has no manifest through a hand-over of this change. */
async function isEmptied(ports: Ports, record: ChangeRecord | undefined): Promise<boolean> {
  return record?.handOver !== undefined && !(await manifestStands(ports.files, record.manifestPath));
}

/**
 * Without the lock, which a process holds that lives and does nothing: stopped, or waiting for a terminal. Only what cannot
 * harm it is done: the old manifest gets a name back that nothing has, and the process finds it there when it goes on.
 */
async function rescue(ports: Ports, store: Store, id: string): Promise<boolean> {
  const record = (await store.list()).records.find((each) => each.id === id);
  if (!record?.handOver || FINAL_STATES.has(record.state) || !(await isEmptied(ports, record))) return false;
  if (ports.clock.now() < Date.parse(record.handOver.until)) return false;
  return (await bringBack(ports, { record })).why === undefined;
}

/** A manifest that waits aside for a change of which nothing is known any more. */
async function adopt(ports: Ports, manifestPath: string): Promise<string | undefined> {
  if (await manifestStands(ports.files, manifestPath)) return undefined;
  const from = (await manifestsAside(ports.files, manifestPath)).at(-1);
  if (from === undefined) return undefined;
  await ports.files.link(from, manifestPath);
  await ports.files.remove(from).catch(() => undefined);
  return from;
}

export async function recoverUnfinished(
  ports: Ports,
  store: Store,
  options: { alsoGivenUp?: boolean } = {},
): Promise<Outcome[]> {
  await store.sweep();
  const { records } = await store.list();
  const outcomes: Outcome[] = [];
  const newest = records.at(-1);
  for (const record of records) {
    const unfinished = !FINAL_STATES.has(record.state);
    // Only the newest: a later change has been built on whatever an older one left.
    const givenUp =
      record === newest &&
      record.state === 'needs-a-person' &&
      (options.alsoGivenUp === true || (await isEmptied(ports, record)));
    if (!unfinished && !givenUp) continue;
    ports.report({ kind: 'recovering', changeId: record.id });
    // Who left it in place to look into it, and now recovers, wants it taken back.
    outcomes.push(await recoverOne(ports, store, givenUp ? { ...record, keepOnFailure: false } : record));
  }
  return outcomes;
}

async function recoverOne(ports: Ports, store: Store, record: ChangeRecord): Promise<Outcome> {
  const folders = new Set(record.files.map((file) => file.path.replace(/\/[^/]*$/, '')));
  for (const folder of folders) await ports.files.sweepTemp(folder);
  const change = await reopen(ports, store, record).catch(async (error: unknown) => {
    // Whatever is wrong with the record, a folder without a manifest is worse.
    if (await isEmptied(ports, record)) await bringBack(ports, { record });
    throw error;
  });
  const manifest = record.files.find((file) => file.role === 'manifest');
  const now = await shaNow(ports, record.manifestPath);
  if (manifest?.after && now === manifest.after.sha256) {
    // The new manifest stands: it may be good, and the crash have come after. It is judged like any other.
    return settle(ports, change);
  }
  const wasAbsent = manifest !== undefined && manifest.before === null && now === undefined;
  if (wasAbsent || (manifest?.before && (now === manifest.before.sha256 || now === undefined))) {
    const back =
      now === undefined && record.handOver !== undefined
        ? await returnFromAside(ports, change, change.images)
        : await putBack(ports, change, change.images, 3);
    return settleRestored(ports, change, back, {
      code: 'crashed',
      severity: 'error',
      title: `kube-auditctl ended in the middle of change ${record.id}, before the new manifest was in place`,
      remedy: [],
    });
  }
  await change.point.close();
  await removeAside(ports, change);
  return overtaken(ports, change);
}

/** Somebody else's manifest stands there. The change is closed, and their bytes are left alone. */
async function overtaken(ports: Ports, change: Change): Promise<Outcome> {
  const { record } = change;
  const cause = {
    code: 'manifest-overtaken',
    severity: 'error' as const,
    title: `${record.manifestPath} is neither what change ${record.id} wrote nor what was there before it`,
    detail: 'Somebody else edited it since; their bytes were left as they are.',
    remedy: ['kube-auditctl status', `the bytes of before are in ${change.store.pathOf(record.id)}`],
  };
  const end = { stages: [], apiAwayMs: 0, totalMs: 0 };
  await save(ports, change, 'overtaken', { end: { ...end, cause } });
  await ports.guard.disarm(record.id);
  return {
    outcome: 'needs-a-person',
    cause,
    what: cause,
    ...change.facts,
    notes: change.notes,
    changeId: record.id,
    recordPath: change.store.pathOf(record.id),
    ...end,
  };
}

/** A change as its record and copies tell it. */
async function reopen(ports: Ports, store: Store, record: ChangeRecord): Promise<Change> {
  const image = async (version: ChangeRecord['files'][number]['before']): Promise<FileImage | null> => {
    if (!version) return null;
    const bytes = await store.copy(record.id, version.copy);
    if (ports.files.sha256(bytes) !== version.sha256) {
      throw new UserError('copy-damaged', `${store.pathOf(record.id)}/${version.copy} is not what the record says`, {
        hints: ['do not rely on it: compare it with the file by hand'],
      });
    }
    return { bytes, mode: version.mode, uid: version.uid, gid: version.gid };
  };
  const images = [];
  for (const { path, role, before, after } of record.files) {
    images.push({ path, role, before: await image(before), after: await image(after) });
  }
  const manifest = images.find((each) => each.role === 'manifest');
  if (!manifest?.after || (!manifest.before && !record.repair)) {
    throw new UserError('record-unreadable', `${store.pathOf(record.id)}/record.json names no manifest`);
  }
  const describing = (image: FileImage) => describe(decodeText(image.bytes, record.manifestPath), record.manifestPath);
  const wanted = describing(manifest.after);
  // What was there before a mend may be no manifest at all; then there is no old server to be told from the new one.
  const old = record.repair || !manifest.before ? wanted : describing(manifest.before);
  return {
    record,
    store,
    point: await openEyes(ports, record.manifestPath, old, record.writtenAt ?? Date.parse(record.startedAt)),
    old,
    wanted,
    images,
    facts: {
      manifestPath: record.manifestPath,
      diffs: diffsOf(images),
      changes: record.summary,
      findings: [],
      notes: [],
    },
    handOverStages: [],
    notes: [`recovered: ${record.command} of ${record.startedAt} had not been finished`],
  };
}

async function shaNow(ports: Ports, path: string): Promise<string | undefined> {
  const entry = await ports.files.look(path);
  if (!entry) return undefined;
  try {
    return ports.files.sha256((await ports.files.read(path, 64 << 20)).bytes);
  } catch (error) {
    throw new UserError('unreadable', `cannot recover: ${messageOf(error)}`, { cause: error });
  }
}
