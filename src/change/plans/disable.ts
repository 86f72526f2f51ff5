/** `disable`: takes out what `enable` put in, and only that. */
import { planDisable } from '../../core/manifest/disable';
import type { ChangeRecord } from '../../core/record';
import { decodeText, type LiveManifest } from '../manifest';
import type { Plan, PlannedFile } from '../plan';
import type { Ports } from '../ports';
import type { Store } from '../store';
import { carryEdits } from './carry-edits';
import { sentence } from './enable';

export async function planDisableChange(
  ports: Ports,
  store: Store,
  live: LiveManifest,
  options: { all: boolean },
): Promise<Plan> {
  const none = { manifestText: live.text, others: [], folders: [], changes: [], findings: [], notes: [] };
  const configured = Object.keys(live.audit.flags).length > 0 || live.audit.annotation !== undefined;
  if (!configured) return { ...none, notes: ['audit logging is not configured'] };

  const { records } = await store.list();
  const kept = records.filter((record) => record.state === 'kept' && record.manifestPath === live.path);
  const baselineAt = kept.findLastIndex((record) => record.baseline);
  // Without our annotation the settings are not the ones that the recorded change made.
  const ours = live.audit.annotation !== undefined;
  const since = ours && baselineAt !== -1 ? kept.slice(baselineAt) : [];
  if (!ours && !options.all) {
    return {
      ...none,
      findings: [
        {
          code: 'not-enabled-by-us',
          severity: 'error',
          title: 'the audit settings in this manifest were not made by kube-auditctl',
          detail: Object.keys(live.audit.flags)
            .map((name) => `--${name}`)
            .join(' '),
          remedy: [
            'to take out every --audit-* flag, with the volumes that only they use: kube-auditctl disable --all',
          ],
        },
      ],
    };
  }
  const copyOf = async (record: ChangeRecord | undefined, when: 'before' | 'after'): Promise<string | undefined> => {
    const version = record?.files.find((file) => file.role === 'manifest')?.[when];
    return record && version ? decodeText(await store.copy(record.id, version.copy), version.copy) : undefined;
  };
  const upTo = since.slice(0, since.findLastIndex((record) => record.command === 'enable') + 1);
  const versions = [];
  for (const record of options.all ? [] : upTo) {
    const [before, after] = [await copyOf(record, 'before'), await copyOf(record, 'after')];
    if (before !== undefined && after !== undefined) versions.push({ before, after });
  }
  const baseline = versions[0] && carryEdits(versions, versions[0].before);
  const edit = planDisable(live.doc, baseline, versions.at(-1)?.after, { all: options.all });
  const { others, notes } = await filesToUndo(ports, store, since);
  return {
    manifestText: edit.text,
    others,
    folders: [],
    changes: [
      ...edit.changes.map(sentence),
      ...others.map(({ path, after }) => `${after ? 'restore' : 'remove'} ${path}`),
    ],
    findings: edit.findings,
    notes: [...notes, ...stillOn(edit.settings.log?.containerPath)],
  };
}

/** Policy and webhook files go back to what they were, unless somebody edited them since. */
async function filesToUndo(
  ports: Ports,
  store: Store,
  since: readonly ChangeRecord[],
): Promise<{ others: PlannedFile[]; notes: string[] }> {
  const others: PlannedFile[] = [];
  const notes: string[] = [];
  const paths = new Set(
    since.flatMap((record) => record.files.filter((file) => file.role !== 'manifest').map((file) => file.path)),
  );
  for (const path of paths) {
    const touched = since.flatMap((record) =>
      record.files.filter((file) => file.path === path).map((file) => ({ record, file })),
    );
    const first = touched[0];
    const last = touched.at(-1);
    if (!first || !last) continue;
    const entry = await ports.files.look(path);
    if (!entry) continue;
    const now = await ports.files.read(path, 16 << 20);
    if (ports.files.sha256(now.bytes) !== last.file.after?.sha256) {
      notes.push(`${path} was edited since it was installed, and is left as it is`);
      continue;
    }
    const { before } = first.file;
    const after = before && {
      bytes: await store.copy(first.record.id, before.copy),
      mode: before.mode,
      uid: before.uid,
      gid: before.gid,
    };
    others.push({ path, role: first.file.role, before: now, after });
  }
  return { others, notes };
}

function stillOn(logPath: string | undefined): string[] {
  return logPath === undefined
    ? ['the log files already written are left where they are']
    : [`audit logging to ${logPath} was configured before kube-auditctl, and stays`];
}
