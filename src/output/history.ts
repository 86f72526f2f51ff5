/** `history` for people and as JSON. */
import type { ChangeRecord } from '../core/record';
import { seconds, table, type Style } from './style';

export function historyText(
  records: readonly ChangeRecord[],
  damaged: readonly { id: string; why: string }[],
  style: Style,
): string {
  if (records.length === 0 && damaged.length === 0) return 'No change has been made with kube-auditctl on this node.\n';
  const paint = (state: string): string =>
    state === 'kept' ? style.green(state) : state === 'rolled-back' ? style.yellow(state) : style.red(state);
  const rows = records.map((record) => [
    record.id,
    record.command,
    paint(record.state),
    record.by.sudoUser ?? record.by.user,
    record.end ? `API away ${seconds(record.end.apiAwayMs)}` : '',
    record.end?.cause?.title ?? record.summary[0] ?? '',
  ]);
  const header = ['ID', 'COMMAND', 'STATE', 'BY', 'OUTAGE', 'WHAT'].map((name) => style.bold(name));
  const lines = damaged.map(({ id, why }) => `${style.red('!')} ${id}: ${why}`);
  return `${[table([header, ...rows]), ...lines].join('\n')}\n`;
}

export function historyJson(records: readonly ChangeRecord[]): unknown[] {
  return records.map(({ id, command, summary, startedAt, by, state, files, undoes, end }) => ({
    id,
    command,
    state,
    startedAt,
    by,
    summary,
    files: files.map(({ path, role, before, after }) => ({
      path,
      role,
      before: before?.sha256 ?? null,
      after: after?.sha256 ?? null,
    })),
    undoes: undoes ?? [],
    cause: end?.cause ?? null,
    apiAwaySeconds: end ? Math.round(end.apiAwayMs) / 1000 : null,
  }));
}
