/**
 * The change itself: prepare (record, copies, guard), write, and settle: watch, verify, then keep or go back.
 * Used for a change just made and, by recover, for one that a crash left behind.
 *
 * From `write` on nothing is thrown that would hide what was done: a failure of ours is told in the outcome.
 */
import { messageOf, UserError } from '../core/errors';
import type { ServerProcess } from '../core/evidence';
import type { Finding } from '../core/finding';
import type { ChangeFacts, HandOverReport, Outcome, ProofReport, RunFacts, StageTime } from '../core/outcome';
import { sameMeaning } from '../core/manifest/semantics';
import {
  advanceRecord,
  changeId,
  RECORD_SCHEMA,
  type ChangeRecord,
  type RecordedFile,
  type RecordState,
} from '../core/record';
import type { Before, Stage, WatchState } from '../core/verdict';
import { VERSION } from '../version';
import type { ChangeRequest, Planned } from './apply';
import { asidePath, manifestStands } from './aside';
import { bringBack, handOver, removeAside } from './hand-over';
import { describe, expectationOf, type Described } from './manifest';
import { wasWritten, type FileImage, type Ports, type WatchPoint } from './ports';
import type { Store } from './store';
import { saveEvidence } from './evidence';
import { proveAudit, SKIPPED } from './verify';
import { interrupted, watchServer, type Nudge, type WatchEnd } from './watch';

/**
 * The kubelet holds back a pod that it has started before, by up to five minutes; there is nothing better to do meanwhile
 * than to wait for the old server.
 */
const RESTORE_PATIENCE_MS = 10 * 60_000;

/** A change on its way: what the record says, and the eyes that were opened before the write. */
export interface Change {
  record: ChangeRecord;
  store: Store;
  point: WatchPoint;
  old: Described;
  wanted: Described;
  /** Images to write, in the record's order of files. */
  images: readonly { path: string; role: RecordedFile['role']; before: FileImage | null; after: FileImage | null }[];
  facts: ChangeFacts;
  notes: string[];
  /** The API's time away, as far as it has been seen already. */
  carried?: WatchState;
  /** By hand-over the change begins before the new manifest is written. */
  begunAt?: number;
  /** When the old manifest was put back. The server that it brings may start before all of the way back is done. */
  restoredAt?: number;
  handOver?: HandOverReport;
  handOverStages: { stage: Stage; at: number }[];
}

/** Puts record, copies and guard in place. Throws with nothing touched, and leaves nothing of its own behind. */
export async function prepare(ports: Ports, store: Store, request: ChangeRequest, planned: Planned): Promise<Change> {
  const { files, clock, node, guard, report } = ports;
  const { live, changed, plan } = planned;
  const wanted = describe(plan.manifestText, live.path);
  const now = clock.now();
  const id = changeId(now, clock.token(4));
  const copies: { name: string; bytes: Uint8Array }[] = [];
  const version = (image: FileImage | null, name: string) => {
    if (!image) return null;
    copies.push({ name, bytes: image.bytes });
    return { sha256: files.sha256(image.bytes), mode: image.mode, uid: image.uid, gid: image.gid, copy: name };
  };
  const recorded = changed.map(({ path, role, before, after }, index): RecordedFile => {
    const base = path.split('/').at(-1) ?? 'file';
    return {
      path,
      role,
      before: version(before, `${index}-before-${base}`),
      after: version(after, `${index}-after-${base}`),
    };
  });
  const point = await openEyes(ports, live.path, live);
  try {
    const before = await lookBefore(ports, point, live, wanted);
    let fast = await wayOf(ports, request, live, wanted, before);
    const state: RecordState = 'prepared';
    const record: ChangeRecord = {
      schema: RECORD_SCHEMA,
      id,
      tool: VERSION,
      command: request.command,
      summary: plan.changes,
      startedAt: new Date(now).toISOString(),
      by: { ...node.operator(), pid: node.pid(), host: node.hostname() },
      manifestPath: live.path,
      files: recorded,
      foldersMade: planned.folders.map(({ path }) => path),
      state,
      states: [{ state, at: new Date(now).toISOString() }],
      before,
      writtenAt: null,
      timeoutMs: request.timeoutMs,
      verify: request.verify,
      keepOnFailure: request.keepOnFailure,
      ...(fast.how === 'hand-over' ? { fast: { drainMs: fast.drainMs } } : {}),
      ...(plan.baseline ? { baseline: true } : {}),
      ...(plan.undoes ? { undoes: plan.undoes } : {}),
      ...(plan.repair ? { repair: plan.repair } : {}),
    };
    stopIfAsked(ports);
    await store.prepare(record, copies);
    const notes = [...plan.notes];
    const note = (text: string): void => {
      notes.push(text);
      report({ kind: 'note', text });
    };
    const plainly = (why: string): Way => {
      note(`the plain way instead of --fast: ${why}`);
      return { how: 'plain', why };
    };
    if (fast.how === 'plain') plainly(fast.why);
    try {
      report({ kind: 'step', text: `backed up to ${store.pathOf(id)}` });
      if (request.guardSeconds > 0) {
        const armed = await guard.arm(id, request.guardSeconds);
        if (armed.armed)
          report({
            kind: 'step',
            text: `guard set: every ${request.guardSeconds} s it looks whether this process is gone`,
          });
        else {
          note(`no guard: ${armed.why}; after a crash run: kube-auditctl recover`);
          // Killed while the manifest is aside, nobody would bring it back.
          if (fast.how === 'hand-over' && !request.ignore.has('no-guard'))
            fast = plainly('no guard could be set (--force hands over all the same)');
        }
      }
      stopIfAsked(ports);
    } catch (error) {
      // Nothing has been touched yet: neither the record nor the guard has anything to watch over.
      await guard.disarm(id);
      await store.discard(id);
      throw error;
    }
    if (fast.how !== 'hand-over') delete record.fast;
    return {
      record,
      store,
      point,
      old: live,
      wanted,
      images: changed,
      facts: planned.facts,
      notes,
      handOverStages: [],
      ...(fast.how === 'plain' ? { handOver: { state: 'not-needed', why: fast.why, ended: [] } } : {}),
    };
  } catch (error) {
    await point.close();
    throw error;
  }
}

/**
 * Writes every file, the manifest last; undefined when all is written. When one cannot be written, those before it are
 * put back and the reason is thrown; should that fail as well, the answer is an outcome that needs a person.
 */
export async function write(ports: Ports, change: Change): Promise<Outcome | undefined> {
  const { files, clock, report } = ports;
  const done: (typeof change.images)[number][] = [];
  const made: string[] = [];
  try {
    for (const folder of change.record.foldersMade) made.push(...(await files.makeFolder(folder, 0o700)));
    change.record = { ...change.record, foldersMade: made };
    for (const image of change.images) {
      // The manifest is compared once more at the last moment: what somebody saved since the plan is not overwritten.
      if (image.role === 'manifest') await refuseIfChanged(ports, change);
      if (image.role === 'stray' && !image.after) {
        done.push(image);
        await files.remove(image.path);
      }
      if (!image.after) continue;
      stopIfAsked(ports);
      if (image.role === 'manifest' && change.record.fast) {
        const end = await handOver(ports, change, image.after, 'forth', ports.interrupts.first);
        if (end.state === 'aside') return await backFromAside(ports, change, done, end);
        // Somebody else's manifest stands there: what was written beside it is judged, and told, as ever.
        done.push(image);
        change.record = { ...change.record, writtenAt: end.state === 'in' ? end.at : clock.now() };
        continue;
      }
      const writtenAt = clock.now();
      try {
        await files.writeAtomic(image.path, image.after);
      } catch (error) {
        // In place but not flushed: the kubelet has seen it, so there is no way but forward.
        if (!wasWritten(error)) throw error;
        change.notes.push(messageOf(error));
      }
      done.push(image);
      if (image.role === 'manifest') change.record = { ...change.record, writtenAt };
    }
  } catch (error) {
    const { left } = await putBack(ports, change, done, 3);
    await change.point.close();
    await ports.guard.disarm(change.record.id);
    if (left.length > 0) return halfWritten(ports, change, error, left);
    await removeFolders(ports, made);
    await change.store.discard(change.record.id);
    throw error;
  }
  await save(ports, change, 'written');
  report({ kind: 'step', text: `written: ${change.record.files.map((file) => file.path).join(', ')}` });
  return undefined;
}

/** The folder has no manifest: the old one comes back under its name, and the old server with it. Never throws. */
async function backFromAside(
  ports: Ports,
  change: Change,
  done: Change['images'],
  end: { why: 'interrupted' | 'stuck' } | { why: 'failed'; error: unknown },
): Promise<Outcome> {
  const cause = end.why === 'failed' ? writeFailed(end.error) : end.why === 'stuck' ? stuck() : interrupted();
  ports.report({ kind: 'failed', cause, afterMs: ports.clock.now() - (change.begunAt ?? ports.clock.now()) });
  return settleRestored(ports, change, await returnFromAside(ports, change, done), cause);
}

/**
 * There is no manifest: what else was written goes back, and the old manifest comes under its name again. By a rename, which
 * needs no room on the disk; its bytes from the record are the second choice.
 * @param images those that have been written.
 */
export async function returnFromAside(ports: Ports, change: Change, images: Change['images']): Promise<PutBack> {
  // The policy first: the old server reads it when it starts. Should it not come back, the old server is better than none.
  const others = await putBack(
    ports,
    change,
    images.filter(({ role }) => role !== 'manifest'),
    3,
  );
  change.restoredAt = ports.clock.now();
  const back = await bringBack(ports, change);
  const manifest = change.images.filter(({ role }) => role === 'manifest');
  const rest = back.why === undefined ? { left: [] } : await putBack(ports, change, manifest, 3);
  // Where one stood already, its server may be older than this moment.
  const restored = back.stood ? [] : [change.record.manifestPath];
  return { left: [...others.left, ...rest.left], restored: [...others.restored, ...restored] };
}

/** Judges what was written, and keeps it or goes back. Never throws. */
export async function settle(ports: Ports, change: Change): Promise<Outcome> {
  try {
    const { record } = change;
    // Killed between the rename and the record's next state: the server that came of it is older than this process.
    const writtenAt = record.writtenAt ?? Date.parse(record.startedAt);
    // What a broken server was started with is not known: whoever runs as the manifest says is right.
    const standing = record.repair !== undefined;
    const restarts = standing || !sameMeaning(change.old.doc, change.wanted.doc);
    await change.point.aim(change.wanted.endpoint);
    const watched = await watchServer(
      ports,
      change.point,
      expectationOf(change.wanted, change.old, {
        goal: 'change',
        standing,
        restarts,
        writtenAt,
        manifestPath: record.manifestPath,
        manifestSha256: shaOf(change, 'after'),
        before: record.before,
        handedOver: change.begunAt !== undefined,
      }),
      {
        timeoutMs: record.timeoutMs,
        stop: ports.interrupts.first,
        ...(change.begunAt === undefined ? {} : { from: change.begunAt }),
        ...(record.writtenAt === null ? { from: ports.clock.now() } : {}),
        ...(change.carried ? { carried: change.carried } : {}),
      },
    );
    const run = new Run(change, change.begunAt ?? record.writtenAt ?? ports.clock.now(), watched);
    switch (watched.verdict.state) {
      case 'overtaken':
        return await leaveAlone(ports, change, run, watched.verdict.cause);
      case 'failed':
        return await goBack(ports, change, run, watched.verdict.cause);
      case 'healthy': {
        const proof = record.verify ? await proveAudit(ports, change.wanted, watched.verdict.process) : SKIPPED;
        ports.report({ kind: 'proof', proof, afterMs: ports.clock.now() - run.writtenAt });
        if (proof.state === 'failed' && proof.cause) {
          // A signal ends the search for the event: that it was not found then says nothing of the server.
          const cause = ports.interrupts.first.aborted ? interrupted() : proof.cause;
          return await goBack(ports, change, run, cause, proof);
        }
        if (proof.state === 'proven') run.stages.push({ stage: 'proven', afterMs: ports.clock.now() - run.writtenAt });
        return await keep(ports, change, run, proof, watched.verdict.process);
      }
    }
  } finally {
    await change.point.close();
  }
}

async function keep(
  ports: Ports,
  change: Change,
  run: Run,
  proof: ProofReport,
  process: ServerProcess,
): Promise<Outcome> {
  const { files } = ports;
  // Only now: as long as the old server might be needed again, so might the files it reads.
  for (const image of change.images) {
    if (image.after !== null || image.before === null) continue;
    try {
      await files.remove(image.path);
    } catch (error) {
      change.notes.push(`${image.path} is not used any more, and could not be removed: ${messageOf(error)}`);
    }
  }
  const state = change.record.repair ? 'mended' : 'kept';
  await removeAside(ports, change);
  await save(ports, change, state, { end: { ...run.end(ports), proof, notes: change.notes } });
  await ports.guard.disarm(change.record.id);
  try {
    await change.store.prune(await neededForDisable(change.store));
  } catch (error) {
    change.notes.push(`old changes could not be removed: ${messageOf(error)}`);
  }
  const mirror = await mirrorOf(ports, change.wanted);
  const mirrorPod = mirror && {
    uid: mirror.uid ?? null,
    follows: process.podUid === undefined ? null : mirror.uid === process.podUid,
  };
  return { outcome: 'kept', proof, mirrorPod: mirrorPod ?? null, ...run.facts(ports) };
}

/** Somebody else's bytes stand there. They are not ours to judge, nor to roll back over. */
async function leaveAlone(ports: Ports, change: Change, run: Run, cause: Finding): Promise<Outcome> {
  await removeAside(ports, change);
  await save(ports, change, 'overtaken', { end: { ...run.end(ports), cause, notes: change.notes } });
  await ports.guard.disarm(change.record.id);
  return { outcome: 'needs-a-person', cause, what: cause, ...run.facts(ports) };
}

async function goBack(ports: Ports, change: Change, run: Run, cause: Finding, proof?: ProofReport): Promise<Outcome> {
  ports.report({ kind: 'failed', cause, afterMs: ports.clock.now() - run.writtenAt });
  if (ports.interrupts.second.aborted) return stoppedAtOnce(ports, change, run, cause);
  // Before anything else: the kubelet deletes the failed pod's logs within a minute of its end.
  if (run.lastSight) run.evidence = await saveEvidence(ports, change, run.lastSight, cause);
  if (change.record.keepOnFailure) return giveUp(ports, change, run, cause, keptOnFailure(change));
  const taken = await overtakenNow(ports, change);
  if (taken) return leaveAlone(ports, change, run, taken);
  change.carried = run.lastState;
  const { left, overtaken } = await putBack(
    ports,
    change,
    change.images,
    3,
    change.record.fast ? handOverBack : undefined,
  );
  if (overtaken) return leaveAlone(ports, change, run, (await overtakenNow(ports, change)) ?? takenOver(change));
  // The old bytes cannot be written: under its dot name the old manifest, or else the new one, still is there. A server
  // with a fault is better than none.
  if (left.length > 0 && change.record.handOver && !(await manifestStands(ports.files, change.record.manifestPath))) {
    const { id, manifestPath } = change.record;
    const back = await bringBack(ports, change);
    if (back.why !== undefined) await bringBack(ports, change, asidePath(manifestPath, id, 'back'));
  }
  if (left.length > 0) return giveUp(ports, change, run, cause, rollbackFailed(change, left));
  if (change.record.repair?.healthyBefore === false) return giveUp(ports, change, run, cause, notMended(cause));
  return awaitOld(ports, change, run, cause, proof ? { proof } : {});
}

/** The old bytes are back: waits until the old server is seen to work, and says how it ended. */
async function awaitOld(
  ports: Ports,
  change: Change,
  run: Run,
  cause: Finding,
  { proof, standing = false }: { proof?: ProofReport; standing?: boolean } = {},
): Promise<Outcome> {
  const { clock, interrupts } = ports;
  const { record } = change;
  // The way back may have been seen further than the watch of the new server.
  const carried = change.carried ?? run.lastState;
  await change.point.aim(change.old.endpoint);
  const restored = await watchServer(
    ports,
    change.point,
    expectationOf(change.old, change.wanted, {
      goal: 'restore',
      standing,
      restarts: true,
      writtenAt: change.restoredAt ?? clock.now(),
      manifestPath: record.manifestPath,
      manifestSha256: shaOf(change, 'before'),
      before: record.before,
    }),
    {
      timeoutMs: Math.max(record.timeoutMs, RESTORE_PATIENCE_MS),
      stop: interrupts.second,
      ...(carried ? { carried } : {}),
      ...((await kubeletStartedSince(ports, record)) ? { nudge: restartOfKubelet(ports, change) } : {}),
    },
  );
  run.add(restored);
  if (interrupts.second.aborted && restored.verdict.state === 'failed') return stoppedAtOnce(ports, change, run, cause);
  switch (restored.verdict.state) {
    case 'overtaken':
      return leaveAlone(ports, change, run, restored.verdict.cause);
    case 'failed':
      return giveUp(ports, change, run, cause, oldServerNotBack(change, restored.verdict.cause));
    case 'healthy': {
      const extras = proof ? { proof } : {};
      await removeFolders(ports, record.foldersMade);
      await removeAside(ports, change);
      await save(ports, change, 'rolled-back', { end: { ...run.end(ports), cause, ...extras, notes: change.notes } });
      await ports.guard.disarm(record.id);
      return { outcome: 'rolled-back', cause, ...extras, ...run.evidence, ...run.facts(ports) };
    }
  }
}

/**
 * A kubelet that was started while the API was down stops and starts nothing that it did not find then, before it has once
 * seen the API: it would wait for the old server for ever, and the old server for it. With the right manifest in place,
 * starting it anew is the way out. Source: pkg/kubelet/kubelet.go (sourcesReady), pod_workers.go.
 */
const WEDGED_AFTER_MS = 60_000;

async function kubeletStartedSince(ports: Ports, { before }: ChangeRecord): Promise<boolean> {
  if (before.kubeletPid === undefined) return false;
  const kubelet = await ports.node.kubelet();
  return kubelet !== undefined && kubelet.pid !== before.kubeletPid;
}

function restartOfKubelet(ports: Ports, change: Change): Nudge {
  return {
    afterMs: WEDGED_AFTER_MS,
    async act() {
      const said = (text: string): void => {
        change.notes.push(text);
        ports.report({ kind: 'note', text });
      };
      try {
        await ports.node.restartKubelet();
        said('the kubelet, which was started while the API was down, acted on nothing: it was started anew');
      } catch (error) {
        said(`the kubelet acts on nothing, and could not be started anew: ${messageOf(error)}`);
      }
    },
  };
}

async function giveUp(ports: Ports, change: Change, run: Run, cause: Finding, what: Finding): Promise<Outcome> {
  await removeAside(ports, change);
  await save(ports, change, 'needs-a-person', { end: { ...run.end(ports), cause, notes: change.notes } });
  // Without a manifest the guard goes on trying: the disk may have room again before a person comes.
  if (await manifestStands(ports.files, change.record.manifestPath)) await ports.guard.disarm(change.record.id);
  return { outcome: 'needs-a-person', cause, what, ...run.evidence, ...run.facts(ports) };
}

/** For recover: the old bytes have been put back, or stood there already. Never throws. */
export async function settleRestored(
  ports: Ports,
  change: Change,
  { left, restored }: PutBack,
  cause: Finding,
): Promise<Outcome> {
  try {
    const run = new Run(change, change.begunAt ?? ports.clock.now());
    if (left.length === 0 && change.record.repair?.healthyBefore === false)
      return await giveUp(ports, change, run, cause, notMended(cause));
    return left.length > 0
      ? await giveUp(ports, change, run, cause, rollbackFailed(change, left))
      : await awaitOld(ports, change, run, cause, { standing: !restored.includes(change.record.manifestPath) });
  } finally {
    await change.point.close();
  }
}

/** A second Ctrl-C: nothing more is done here. The guard stays set, and finds an unfinished record. */
function stoppedAtOnce(ports: Ports, change: Change, run: Run, cause: Finding): Outcome {
  const what: Finding = {
    code: 'stopped-at-once',
    severity: 'error',
    title: 'stopped by a second signal before the old manifest was seen to work again',
    remedy: ['kube-auditctl recover'],
  };
  return { outcome: 'needs-a-person', cause, what, ...run.evidence, ...run.facts(ports) };
}

/** After the write something else of a mend failed (a service that does not start). Never throws. */
export async function abandon(ports: Ports, change: Change, cause: Finding): Promise<Outcome> {
  try {
    return await goBack(ports, change, new Run(change, change.record.writtenAt ?? ports.clock.now()), cause);
  } finally {
    await change.point.close();
  }
}

export interface PutBack {
  /** Where it failed. */
  left: readonly { path: string; why: string }[];
  /** Paths that had to be written or removed. */
  restored: readonly string[];
  /** Somebody else's manifest came in between: nothing more was put back, since theirs may need what we installed. */
  overtaken?: boolean;
}

/** The old manifest by hand-over; what cannot be done so is done the plain way by whoever asks next. */
async function handOverBack(ports: Ports, change: Change, before: FileImage): Promise<'in' | 'overtaken'> {
  const end = await handOver(ports, change, before, 'back', ports.interrupts.second);
  if (end.state === 'in') change.restoredAt = end.at;
  if (end.state !== 'aside') return end.state;
  throw end.why === 'failed' ? end.error : new Error('interrupted');
}

/**
 * Puts the bytes of before back; answers the paths where that failed. Files that were there are restored first and the
 * manifest after them, so that the old server finds what it reads; files that were not there go last, since until
 * then the new server may still be asked to start.
 */
export async function putBack(
  ports: Ports,
  change: Change,
  images: Change['images'],
  attempts = 1,
  replaceManifest?: (ports: Ports, change: Change, before: FileImage) => Promise<'in' | 'overtaken'>,
): Promise<PutBack> {
  const left: { path: string; why: string }[] = [];
  const restored: string[] = [];
  const tried = async (path: string, work: () => Promise<void>): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      try {
        await work();
        restored.push(path);
        return;
      } catch (error) {
        if (wasWritten(error)) {
          change.notes.push(messageOf(error));
          restored.push(path);
          return;
        }
        if (attempt < attempts) {
          await ports.clock.sleep(200);
          continue;
        }
        left.push({ path, why: messageOf(error) });
        return;
      }
    }
  };
  const ours = [];
  for (const image of images) {
    const stands = await standing(ports, image);
    if (stands === 'somebody-elses')
      change.notes.push(`${image.path} was changed by somebody else meanwhile, and left alone`);
    else if (stands === 'after') ours.push(image);
  }
  let byHandOver = replaceManifest;
  const ends: ('in' | 'overtaken')[] = [];
  for (const { path, role, before } of ours) {
    if (!before) continue;
    await tried(path, async () => {
      const replace = role === 'manifest' ? byHandOver : undefined;
      // Tried once: what failed so, for whatever reason, goes the plain way.
      if (replace) {
        byHandOver = undefined;
        ends.push(await replace(ports, change, before));
        return;
      }
      if (role === 'manifest') change.restoredAt = ports.clock.now();
      await ports.files.writeAtomic(path, before);
    });
  }
  if (ends.includes('overtaken')) return { left, restored, overtaken: true };
  // With the new manifest still in place, the files it names must stay: it may be all that a person can start from.
  if (left.length > 0) return { left, restored };
  for (const { path, before } of ours) {
    if (!before) await tried(path, () => ports.files.remove(path));
  }
  return { left, restored };
}

/** Which bytes stand there now. What cannot be read is taken for ours: going back must not fail on a look. */
async function standing(ports: Ports, image: Change['images'][number]): Promise<'before' | 'after' | 'somebody-elses'> {
  const { files } = ports;
  let now: string | undefined;
  try {
    now = (await files.look(image.path)) ? files.sha256((await files.read(image.path, 64 << 20)).bytes) : undefined;
  } catch {
    return 'after';
  }
  const sha = (version: FileImage | null): string | undefined => (version ? files.sha256(version.bytes) : undefined);
  if (now === sha(image.before)) return 'before';
  if (now === sha(image.after) || (image.role === 'manifest' && now === undefined)) return 'after';
  return 'somebody-elses';
}

async function removeFolders(ports: Ports, made: readonly string[]): Promise<void> {
  for (const folder of [...made].reverse()) {
    // A folder that the API server has put its log into stays, with the log.
    if (!(await ports.files.removeEmptyFolder(folder).catch(() => false))) return;
  }
}

async function refuseIfChanged(ports: Ports, change: Change): Promise<void> {
  const { manifestPath } = change.record;
  const there = await ports.files.look(manifestPath);
  const now = there ? ports.files.sha256((await ports.files.read(manifestPath, 64 << 20)).bytes) : '';
  if (now === shaOf(change, 'before')) return;
  throw new UserError(
    'manifest-changed-meanwhile',
    `${manifestPath} was changed by somebody else while this was planned`,
    {
      hints: ['look at what they did, then run this again'],
    },
  );
}

/** Just before going back: are the bytes there still the ones we wrote? What cannot be read is taken for ours. */
async function overtakenNow(ports: Ports, change: Change): Promise<Finding | undefined> {
  const sight = await change.point.look();
  const sha = sight.manifest.state === 'present' ? sight.manifest.sha256 : undefined;
  const wasAbsent = sha === undefined && shaOf(change, 'before') === '';
  if (
    sight.manifest.state === 'unreadable' ||
    wasAbsent ||
    sha === shaOf(change, 'after') ||
    sha === shaOf(change, 'before')
  )
    return undefined;
  return takenOver(change, sha === undefined ? 'removed' : 'changed');
}

function takenOver(change: Change, what = 'changed'): Finding {
  return {
    code: 'manifest-overtaken',
    severity: 'error',
    title: `somebody else ${what} ${change.record.manifestPath} meanwhile`,
    detail: 'Their bytes were left as they are; nothing was rolled back over them.',
    remedy: ['kube-auditctl status', 'kube-auditctl history'],
  };
}

type Way = { how: 'hand-over'; drainMs: number } | { how: 'plain'; why: string } | { how: 'unasked' };

/** Newer kubelets start the new pod only after the old one has ended; before, there is nothing to hasten. */
const OLD_ENDS_FIRST = 22;
/**
 * A static pod that was away for a moment, and comes back the same, some kubelets of these versions never start again: and
 * that is what happens when a hand-over is broken off. Source: kubernetes/kubernetes issues 104648, 107733.
 */
const LAST_THAT_MAY_FORGET = 23;

async function wayOf(
  ports: Ports,
  request: ChangeRequest,
  old: Described,
  wanted: Described,
  before: Before,
): Promise<Way> {
  if (!request.fast) return { how: 'unasked' };
  if (sameMeaning(old.doc, wanted.doc)) return { how: 'plain', why: 'nothing is restarted by this change' };
  if (before.processes.length === 0) return { how: 'plain', why: 'no API server runs that would have to end first' };
  if (!before.processes.every((process) => ports.node.reachesServer(process)))
    return {
      how: 'plain',
      why: 'the server is shown to us out of another pid namespace: no signal of ours reaches it',
    };
  const kubelet = request.fast.always ? undefined : await ports.node.kubeletVersion();
  if (kubelet?.major === 1 && kubelet.minor <= LAST_THAT_MAY_FORGET) {
    const does =
      kubelet.minor < OLD_ENDS_FIRST
        ? 'starts the new server beside the old one'
        : 'may not start a static pod again that was away for a moment';
    return { how: 'plain', why: `a kubelet of ${kubelet.major}.${kubelet.minor} ${does}` };
  }
  return { how: 'hand-over', drainMs: request.fast.drainMs };
}

export function stopIfAsked(ports: Ports): void {
  if (!ports.interrupts.first.aborted) return;
  throw new UserError('interrupted', 'stopped by a signal before anything was written');
}

/** The record on disk follows; when it cannot, that is said, and recover will judge by the bytes it finds. */
export async function save(
  ports: Ports,
  change: Change,
  state: RecordState,
  more: Partial<ChangeRecord> = {},
): Promise<void> {
  change.record = advanceRecord(change.record, state, new Date(ports.clock.now()).toISOString(), more);
  try {
    await change.store.save(change.record);
  } catch (error) {
    if (wasWritten(error)) return;
    change.notes.push(`the record could not be brought up to date (${state}): ${messageOf(error)}`);
  }
}

export async function openEyes(
  ports: Ports,
  manifestPath: string,
  old: Described,
  since?: number,
): Promise<WatchPoint> {
  return ports.node.watch({
    manifestPath,
    podName: old.pod.name,
    namespace: old.pod.namespace,
    endpoint: old.endpoint,
    ...(since === undefined ? {} : { since }),
  });
}

async function lookBefore(ports: Ports, point: WatchPoint, old: Described, wanted: Described): Promise<Before> {
  const logPath = wanted.audit.log?.hostPath;
  const log = logPath === undefined ? undefined : await ports.files.look(logPath);
  const [sight, kubelet, mirror] = await Promise.all([point.look(), ports.node.kubelet(), mirrorOf(ports, old)]);
  return {
    processes: sight.processes.map(({ pid, startTicks, podUid }) => ({
      pid,
      startTicks,
      ...(podUid === undefined ? {} : { podUid }),
    })),
    pods: sight.pods.map((pod) => ({ uid: pod.uid, restart: Math.max(-1, ...pod.logs.map((log) => log.restart)) })),
    ...(mirror?.uid === undefined ? {} : { mirrorUid: mirror.uid }),
    ...(kubelet ? { kubeletPid: kubelet.pid } : {}),
    ...(log?.kind === 'folder' ? { logWasFolder: true } : {}),
  };
}

function mirrorOf(ports: Ports, { endpoint, pod }: Described): ReturnType<Ports['cluster']['mirrorPod']> {
  return ports.cluster.mirrorPod(endpoint, {
    namespace: pod.namespace,
    podName: pod.name,
    nodeName: ports.node.name(),
  });
}

/**
 * Every change since audit logging was set up: what they found and left tells `disable` which lines are ours and which
 * are the user's, and a gap would be taken for an edit.
 */
async function neededForDisable(store: Store): Promise<ReadonlySet<string>> {
  const { records } = await store.list();
  const kept = records.filter(({ state }) => state === 'kept');
  if (kept.at(-1)?.command === 'disable') return new Set();
  const from = kept.findLastIndex(({ baseline }) => baseline);
  return new Set(from === -1 ? [] : kept.slice(from).map(({ id }) => id));
}

export function shaOf(change: Pick<Change, 'record'>, when: 'before' | 'after'): string {
  return change.record.files.find((file) => file.role === 'manifest')?.[when]?.sha256 ?? '';
}

/** What adds up over the watch of the new server and, if need be, of the old one. */
class Run {
  readonly stages: StageTime[] = [];
  evidence: { evidencePath?: string } = {};
  lastState?: WatchState;
  lastSight?: WatchEnd['sight'];
  #awayMs = 0;

  constructor(
    readonly change: Change,
    readonly writtenAt: number,
    watched?: WatchEnd,
  ) {
    if (watched) this.add(watched);
  }

  add(watched: WatchEnd): void {
    this.lastState = watched.state;
    this.lastSight = watched.sight;
    // The second watch goes on counting where the first one stopped.
    this.#awayMs = watched.awayMs;
    this.stages.push(...watched.stages.map(({ stage, at }) => ({ stage, afterMs: at - this.writtenAt })));
  }

  end(ports: Ports): Pick<RunFacts, 'stages' | 'apiAwayMs' | 'totalMs' | 'handOver'> & { stages: StageTime[] } {
    const { handOver } = this.change;
    const first = this.change.handOverStages.map(({ stage, at }) => ({ stage, afterMs: at - this.writtenAt }));
    return {
      stages: [...first, ...this.stages].sort((a, b) => a.afterMs - b.afterMs),
      apiAwayMs: this.#awayMs,
      totalMs: ports.clock.now() - this.writtenAt,
      ...(handOver ? { handOver } : {}),
    };
  }

  facts(ports: Ports) {
    const { change } = this;
    return {
      ...change.facts,
      notes: change.notes,
      changeId: change.record.id,
      recordPath: change.store.pathOf(change.record.id),
      ...this.end(ports),
    };
  }
}

function stuck(): Finding {
  return {
    code: 'hand-over-stuck',
    severity: 'error',
    title: 'kube-auditctl stood still for longer than a hand-over takes, and its guard put the old manifest back',
    detail: 'A terminal that takes no output (Ctrl-S), a stopped process, or a machine that slept can be the reason.',
    remedy: ['run the same command again'],
  };
}

function writeFailed(error: unknown): Finding {
  return {
    code: error instanceof UserError ? error.code : 'write-failed',
    severity: 'error',
    title: messageOf(error),
    remedy: error instanceof UserError ? error.hints : [],
  };
}

/** The manifest is the old one, but a file beside it is not, and could not be put back. */
async function halfWritten(
  ports: Ports,
  change: Change,
  error: unknown,
  left: readonly { path: string; why: string }[],
): Promise<Outcome> {
  const cause = writeFailed(error);
  await save(ports, change, 'needs-a-person', {
    end: { stages: [], apiAwayMs: 0, totalMs: 0, cause, notes: change.notes },
  });
  return {
    outcome: 'needs-a-person',
    cause,
    what: rollbackFailed(change, left),
    ...change.facts,
    notes: change.notes,
    changeId: change.record.id,
    recordPath: change.store.pathOf(change.record.id),
    stages: [],
    apiAwayMs: 0,
    totalMs: 0,
  };
}

function rollbackFailed(change: Change, left: readonly { path: string; why: string }[]): Finding {
  return {
    code: 'rollback-failed',
    severity: 'error',
    title: `what was there before could not be put back: ${left.map(({ path, why }) => `${path}: ${why}`).join('; ')}`,
    remedy: [
      ...change.record.files
        .filter((file) => file.before && left.some(({ path }) => path === file.path))
        .map(
          (file) =>
            `install -m ${(file.before?.mode ?? 0o600).toString(8)} ${change.store.pathOf(change.record.id)}/${file.before?.copy ?? ''} ${file.path}`,
        ),
      'kube-auditctl recover',
    ],
  };
}

function oldServerNotBack(change: Change, cause: Finding): Finding {
  return {
    ...cause,
    code: 'old-server-not-back',
    title: `the old manifest is back in place, but the API server is not: ${cause.title}`,
    remedy: [
      ...cause.remedy,
      'kube-auditctl recover',
      `the record and the evidence are in ${change.store.pathOf(change.record.id)}`,
    ],
  };
}

function notMended(cause: Finding): Finding {
  return {
    ...cause,
    code: 'not-mended',
    title: `the mend did not bring the API server back, and was taken back: ${cause.title}`,
    remedy: [...cause.remedy, 'kube-auditctl doctor'],
  };
}

function keptOnFailure(change: Change): Finding {
  return {
    code: 'kept-on-failure',
    severity: 'error',
    title: 'the new manifest was left in place, as --keep-on-failure asks',
    remedy: [`kube-auditctl recover`, `the old bytes are in ${change.store.pathOf(change.record.id)}`],
  };
}
