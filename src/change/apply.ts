/**
 * THE STORY. Read manifest -> plan -> preflight -> backup + record -> write -> watch -> verify -> keep, or roll back and
 * verify that too. Every command that changes something goes through here.
 *
 * The rules it keeps: throwing means nothing was changed. After the first write nothing escapes as an exception: every
 * failure becomes a verdict. The record is on the disk, and the guard is set, before anything is touched.
 */
import type { Outcome } from '../core/outcome';
import { describe, readLiveManifest, type LiveManifest } from './manifest';
import { diffsOf, filesOf, type Plan } from './plan';
import type { Ports } from './ports';
import { lower, preflight } from './preflight/preflight';
import { recoverUnfinished } from './recover';
import { prepare, settle, write } from './settle';
import { openStore } from './store';
import { withLock } from './lock';

export interface ChangeRequest {
  command: string;
  manifestPath: string;
  stateDir: string;
  plan: (live: LiveManifest) => Promise<Plan>;
  dryRun: boolean;
  /** Names of findings that shall not stop the change. */
  ignore: ReadonlySet<string>;
  verify: boolean;
  keepOnFailure: boolean;
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
  const live = await readLiveManifest(ports.files, request.manifestPath);
  const plan = await request.plan(live);
  const changed = filesOf(plan, live, ports.files);
  const missingFolders = [];
  for (const folder of plan.folders) if (!(await ports.files.look(folder.path))) missingFolders.push(folder);
  const nothing = changed.length === 0;
  const { command, stateDir, dryRun } = request;
  const next = plan.next ?? (plan.manifestText === live.text ? live : describe(plan.manifestText, live.path));
  const subject = { command, live, next, changed, folders: missingFolders, stateDir, dryRun };
  const checked = nothing ? plan.findings : [...plan.findings, ...(await preflight(ports, subject, plan.findings))];
  const findings = lower(checked, request.ignore);
  const facts = {
    manifestPath: live.path,
    diffs: diffsOf(changed),
    changes: plan.changes,
    findings,
    notes: plan.notes,
  };
  const refused = findings.some((finding) => finding.severity === 'error');
  const outcome: Outcome = { outcome: refused ? 'refused' : nothing ? 'unchanged' : 'planned', ...facts };
  return { live, plan, changed, folders: missingFolders, facts, outcome };
}

export type Planned = Awaited<ReturnType<typeof plan>>;
