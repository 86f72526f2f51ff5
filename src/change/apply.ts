/**
 * THE STORY. Read manifest -> plan -> preflight -> rehearse -> backup + record -> write -> watch -> verify -> keep, or roll
 * back and verify that too. Every command that changes something goes through here.
 *
 * The rules it keeps: throwing means nothing was changed. After the first write nothing escapes as an exception: every
 * failure becomes a verdict. The record is on the disk, and the guard is set, before anything is touched.
 */
import type { Outcome, RehearsalReport } from '../core/outcome';
import { describe, isUnreadable, readBrokenManifest, readLiveManifest, type LiveManifest } from './manifest';
import { diffsOf, filesOf, type Plan } from './plan';
import type { Ports } from './ports';
import { ignoredInVain, lower, preflight } from './preflight/preflight';
import { recoverUnfinished } from './recover';
import { rehearse } from './rehearse';
import { prepare, settle, stopIfAsked, write } from './settle';
import { openStore } from './store';
import { withLock } from './lock';

export interface ChangeRequest {
  command: string;
  manifestPath: string;
  stateDir: string;
  plan: (live: LiveManifest) => Promise<Plan>;
  /** The whole manifest, where the plan is one: it may replace one that cannot be read. */
  whole?: () => { bytes: Uint8Array; from: string };
  dryRun: boolean;
  /** Names of findings that shall not stop the change. */
  ignore: ReadonlySet<string>;
  /** Try the planned arguments with the node's own server before anything is written. */
  rehearse: boolean;
  verify: boolean;
  keepOnFailure: boolean;
  /**
   * Put the manifest in place by a hand-over, where that hastens anything (or `always`); requests under way may take so
   * long.
   */
  fast?: { drainMs: number; always?: boolean };
  /** How long the new server may take. */
  timeoutMs: number;
  /** How often the guard looks whether this process is gone; 0 for no guard. */
  guardSeconds: number;
}

export async function applyChange(ports: Ports, request: ChangeRequest): Promise<Outcome> {
  // A plan is made without the lock: it writes nothing, not even who holds it.
  if (request.dryRun) return (await plan(ports, request)).outcome;
  return withLock(ports, request.command, async () => {
    const store = openStore(ports.files, request.stateDir);
    await recoverUnfinished(ports, store);
    const planned = await plan(ports, request);
    if (planned.outcome.outcome !== 'planned') return planned.outcome;
    const change = await prepare(ports, store, request, planned);
    return (await write(ports, change)) ?? settle(ports, change);
  });
}

/** Everything up to the point where something would be written. */
async function plan(ports: Ports, request: ChangeRequest) {
  const live = await liveOf(ports, request);
  const plan = live.broken ? await mending(ports, live, await request.plan(live)) : await request.plan(live);
  const changed = filesOf(plan, live, ports.files);
  const missingFolders = [];
  for (const folder of plan.folders) if (!(await ports.files.look(folder.path))) missingFolders.push(folder);
  const nothing = changed.length === 0;
  const { command, stateDir, dryRun } = request;
  const next = plan.next ?? (plan.manifestText === live.text ? live : describe(plan.manifestText, live.path));
  const subject = {
    command,
    live,
    next,
    changed,
    folders: missingFolders,
    stateDir,
    dryRun,
    fast: request.fast !== undefined,
  };
  const checked = [...plan.findings, ...(nothing ? [] : await preflight(ports, subject, plan.findings))];
  const isRefused = (): boolean => lower(checked, request.ignore).some(({ severity }) => severity === 'error');
  const tried = nothing || isRefused() ? undefined : await tryOut(ports, request, { plan, ...subject });
  // What was found, and let through by its name, is not said a second time.
  const known = checked.some(({ code }) => code === tried?.cause?.code && request.ignore.has(code));
  if (tried?.cause && !known) checked.push(tried.cause);
  const findings = lower(checked, request.ignore);
  const facts = {
    manifestPath: live.path,
    diffs: diffsOf(changed),
    changes: plan.changes,
    findings,
    notes: [...plan.notes, ...(isRefused() ? ignoredInVain(checked, request.ignore) : [])],
    ...(tried ? { rehearsal: tried } : {}),
  };
  const refused = isRefused();
  const outcome: Outcome = { outcome: refused ? 'refused' : nothing ? 'unchanged' : 'planned', ...facts };
  return { live, plan, changed, folders: missingFolders, facts, outcome };
}

/** A hand edit gone wrong must not keep the right manifest from being put in place the safe way. */
async function liveOf({ files }: Ports, { manifestPath, whole }: ChangeRequest): Promise<LiveManifest> {
  try {
    return await readLiveManifest(files, manifestPath);
  } catch (error) {
    if (!whole || !isUnreadable(error)) throw error;
    return readBrokenManifest(files, manifestPath, error, whole());
  }
}

/** As doctor mends: where no server answers there is no way back to one, and the old bytes are only put back. */
async function mending({ node }: Ports, live: LiveManifest, plan: Plan): Promise<Plan> {
  const healthyBefore = await node
    .request(live.endpoint, { method: 'GET', path: '/readyz', timeoutMs: 4000 })
    .then(({ status }) => status === 200)
    .catch(() => false);
  const note = `what stood in ${live.path} could not be read: ${live.broken?.message ?? ''}`;
  return { ...plan, repair: { healthyBefore }, notes: [...plan.notes, note] };
}

/** The last look before anything is written: what the node's own server makes of the planned arguments. */
async function tryOut(
  ports: Ports,
  request: ChangeRequest,
  subject: Parameters<typeof rehearse>[1],
): Promise<RehearsalReport | undefined> {
  if (!request.rehearse) return { state: 'skipped', summary: 'not rehearsed, as asked', ms: 0 };
  const rehearsal = await rehearse(ports, subject);
  stopIfAsked(ports);
  // A dry run has no progress: the answer tells of it.
  if (rehearsal && !request.dryRun) ports.report({ kind: 'rehearsal', rehearsal });
  return rehearsal;
}

export type Planned = Awaited<ReturnType<typeof plan>>;
