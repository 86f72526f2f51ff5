/**
 * `doctor --fix`: the mends that are certain, through the flow of every change: record and copies first, then the write,
 * the watch, and the way back when it did not help. Only the question whether the API answers beforehand is not asked.
 *
 * The rule it keeps: nothing is mended by guess. A manifest is edited only where the cause names the very place, and
 * restored only when no such edit is known and a manifest that was good once is at hand.
 */
import { messageOf, UserError } from '../core/errors';
import type { Cause, ManifestFix, Mend } from '../core/diagnosis/cause';
import type { Examination } from '../core/diagnosis/examine';
import { withFixes } from '../core/diagnosis/mends';
import type { NodeSight } from '../core/diagnosis/node-sight';
import { examineManifest } from '../core/diagnosis/patient';
import { strictFindings } from '../core/manifest/strict';
import type { Outcome } from '../core/outcome';
import type { Finding } from '../core/finding';
import type { DoctorPorts } from './doctor-ports';
import { decodeText, describe, MANIFEST_LIMIT, type LiveManifest } from './manifest';
import { withLock } from './lock';
import { diffsOf, type Plan, type PlannedFile } from './plan';
import type { FileImage, Ports } from './ports';
import { recoverUnfinished } from './recover';
import { abandon, prepare, settle, write } from './settle';
import { openStore } from './store';

export interface FixOptions {
  manifestPath: string;
  stateDir: string;
  timeoutMs: number;
  guardSeconds: number;
}

/** What will be done, to be shown and agreed to before it is. */
export interface FixPlan {
  mends: readonly Mend[];
  /** Causes that stay for a person. */
  left: readonly Cause[];
  manifestText: string;
  changed: readonly PlannedFile[];
  folders: readonly { path: string; mode: number }[];
  changes: readonly string[];
  healthyBefore: boolean;
}

/** Undefined when nothing that is certain can be mended. */
export async function planFix(
  ports: Ports,
  sight: NodeSight,
  { causes }: Examination,
  { manifestPath, stateDir }: FixOptions,
): Promise<FixPlan | undefined> {
  const certain = causes.filter(({ certain, followsFrom }) => certain && followsFrom === undefined);
  const wanted = certain.flatMap(({ mend }) => mend ?? []);
  const manifest = await manifestPlan(ports, sight, wanted);
  const mends = [...wanted.filter(({ kind }) => !MANIFEST_KINDS.has(kind)), ...manifest.mends];
  if (mends.length === 0 || manifest.text === undefined) return undefined;
  const before = sight.manifest.state === 'present' ? await ports.files.read(manifestPath, MANIFEST_LIMIT) : null;
  const others = await movedOut(ports, mends, stateDir);
  const after: FileImage = {
    ...(before ?? { mode: 0o600, uid: 0, gid: 0 }),
    bytes: new TextEncoder().encode(manifest.text),
  };
  return {
    mends,
    left: causes.filter(({ mend }) => !mend || !mends.includes(mend)),
    manifestText: manifest.text,
    // The manifest is written even when its bytes stay: that wakes the kubelet, which forgets a pod whose second file goes.
    changed: [...others, { path: manifestPath, role: 'manifest', before, after }],
    folders: [
      ...mends.flatMap((mend) => (mend.kind === 'make-folder' ? [{ path: mend.path, mode: 0o700 }] : [])),
      ...(others.length > 0 ? [{ path: `${stateDir}/moved`, mode: 0o700 }] : []),
    ],
    changes: mends.map(({ what }) => what),
    healthyBefore: sight.health.state === 'ok',
  };
}

/** The plan as an outcome of the usual kind, for showing. */
export function plannedOutcome(plan: FixPlan, manifestPath: string): Outcome {
  return { outcome: 'planned', ...factsOf(plan, manifestPath) };
}

export async function carryOut(
  ports: Ports,
  { hands }: DoctorPorts,
  plan: FixPlan,
  sight: NodeSight,
  options: FixOptions,
): Promise<Outcome> {
  const { manifestPath, stateDir } = options;
  return withLock(ports, 'doctor --fix', async () => {
    const store = openStore(ports.files, stateDir);
    await recoverUnfinished(ports, store);
    await refuseIfOther(ports, sight, manifestPath);
    const described = describe(plan.manifestText, manifestPath);
    const before = plan.changed.find(({ role }) => role === 'manifest')?.before;
    const bytes = before?.bytes ?? new Uint8Array();
    // The eyes look where the mended server will be: of the broken one there may be nothing to take apart.
    const live: LiveManifest = {
      ...described,
      path: manifestPath,
      folder: manifestPath.replace(/\/[^/]*$/, '') || '/',
      image: before ?? { bytes, mode: 0o600, uid: 0, gid: 0 },
      sha256: ports.files.sha256(bytes),
    };
    const facts = factsOf(plan, manifestPath);
    const story: Plan = {
      manifestText: plan.manifestText,
      others: [],
      folders: plan.folders,
      changes: plan.changes,
      findings: [],
      notes: [],
      repair: { healthyBefore: plan.healthyBefore },
    };
    const request = {
      command: 'doctor --fix',
      manifestPath,
      stateDir,
      plan: () => Promise.resolve(story),
      dryRun: false,
      ignore: new Set<string>(),
      rehearse: false,
      verify: false,
      keepOnFailure: false,
      timeoutMs: options.timeoutMs,
      guardSeconds: options.guardSeconds,
    };
    const folders = plan.folders;
    const outcome: Outcome = { outcome: 'planned', ...facts };
    const change = await prepare(ports, store, request, {
      live,
      plan: story,
      changed: [...plan.changed],
      folders: [...folders],
      facts,
      outcome,
    });
    const early = await write(ports, change);
    if (early) return early;
    // Only now: a kubelet that starts with the broken manifest would let go of nothing afterwards.
    const failed = await useHands(ports, hands, plan.mends, sight);
    return failed ? abandon(ports, change, failed) : settle(ports, change);
  });
}

const MANIFEST_KINDS: ReadonlySet<Mend['kind']> = new Set(['edit-manifest', 'replace-manifest', 'restore-manifest']);

/** One new text for the manifest: precise edits when they are all that is needed, otherwise what was good before. */
async function manifestPlan(
  ports: Ports,
  sight: NodeSight,
  wanted: readonly Mend[],
): Promise<{ text?: string; mends: Mend[] }> {
  const present = sight.manifest.state === 'present' ? sight.manifest.text : undefined;
  const restore = wanted.find(({ kind }) => kind === 'restore-manifest');
  const precise = wanted.filter(({ kind }) => kind === 'edit-manifest' || kind === 'replace-manifest');
  if (restore) {
    for (const { path, kind, id } of sight.backups) {
      const text = decodeText((await ports.files.read(path, MANIFEST_LIMIT)).bytes, path);
      if (text === present) continue;
      const from =
        kind === 'kubeadm' ? 'kubeadm’s backup' : kind === 'original' ? 'the original' : `change ${id ?? ''}`;
      return { text, mends: [{ ...restore, what: `put back the manifest of ${from} (${path})` }] };
    }
  }
  if (precise.length > 0 && present !== undefined) {
    const text = edited(sight, present, precise);
    if (text !== undefined) return { text, mends: precise };
  }
  const { doc, problem } = examineManifest(sight);
  return present !== undefined && doc && !problem ? { text: present, mends: [] } : { mends: [] };
}

/** Undefined when the result would not be sound either. */
function edited(sight: NodeSight, present: string, mends: readonly Mend[]): string | undefined {
  try {
    const replaced = mends.find((mend) => mend.kind === 'replace-manifest');
    const start = describe(replaced?.text ?? present, sight.manifestPath);
    const fixes = mends.flatMap((mend): readonly ManifestFix[] => (mend.kind === 'edit-manifest' ? mend.edits : []));
    const text = withFixes(start.doc, fixes);
    const { doc } = describe(text, sight.manifestPath);
    return strictFindings(doc).some(({ severity }) => severity === 'error') ? undefined : text;
  } catch {
    return undefined;
  }
}

/** A file that goes keeps its bytes twice: in the record, and under its own name in the state folder. */
async function movedOut(ports: Ports, mends: readonly Mend[], stateDir: string): Promise<PlannedFile[]> {
  const files: PlannedFile[] = [];
  const stamp = new Date(ports.clock.now()).toISOString().replace(/[-:]|\.\d+/g, '');
  for (const mend of mends) {
    if (mend.kind !== 'move-out') continue;
    const image = await ports.files.read(mend.path, MANIFEST_LIMIT);
    const name = mend.path.split('/').at(-1) ?? 'file';
    files.push({
      path: `${stateDir}/moved/${stamp}-${name}`,
      role: 'stray',
      before: null,
      after: { ...image, mode: 0o600 },
    });
    files.push({ path: mend.path, role: 'stray', before: image, after: null });
  }
  return files;
}

async function useHands(
  ports: Ports,
  hands: DoctorPorts['hands'],
  mends: readonly Mend[],
  sight: NodeSight,
): Promise<Finding | undefined> {
  try {
    if (mends.some(({ kind }) => kind === 'start-kubelet')) await hands.startUnit('kubelet');
    if (!mends.some(({ kind }) => kind === 'unwedge')) return undefined;
    await hands.restartUnit('kubelet');
    const left = await hands.removePods(sight.pods.map(({ uid }) => uid));
    for (const each of left) ports.report({ kind: 'note', text: `could not be removed: ${each}` });
    return undefined;
  } catch (error) {
    const { code, hints } = error instanceof UserError ? error : { code: 'unit-not-started', hints: [] };
    return { code, severity: 'error', title: messageOf(error), remedy: hints };
  }
}

async function refuseIfOther(ports: Ports, { manifest }: NodeSight, path: string): Promise<void> {
  const entry = await ports.files.look(path);
  const now =
    entry?.kind === 'file' ? ports.files.sha256((await ports.files.read(path, MANIFEST_LIMIT)).bytes) : undefined;
  if (now === (manifest.state === 'present' ? manifest.sha256 : undefined)) return;
  throw new UserError('manifest-changed-meanwhile', `${path} was changed by somebody else since it was looked at`, {
    hints: ['look at what they did, then run this again'],
  });
}

function factsOf(plan: FixPlan, manifestPath: string) {
  const differing = plan.changed.filter(
    ({ before, after }) => before === null || after === null || !sameBytes(before.bytes, after.bytes),
  );
  return {
    manifestPath,
    diffs: diffsOf(differing),
    changes: plan.changes,
    findings: [],
    notes: plan.left
      .filter(({ certain, followsFrom }) => certain && followsFrom === undefined)
      .map(({ finding }) => `left for you: ${finding.title}`),
  };
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, at) => byte === b[at]);
}
