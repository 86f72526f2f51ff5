/** What a change of the manifest would be: the whole new text, and what is different in it. Nothing is written here. */
import type { Finding } from '../finding';
import { readAudit } from './audit';
import type { AuditSettings } from './audit';
import { auditChanges } from './changes';
import type { ManifestChange } from './changes';
import type { ManifestDocument } from './document';
import { ManifestEdit } from './edit';
import { expand, known } from './expand';
import { isBooleanAuditFlag, parseBoolean } from './flags';
import type { Flag } from './flags';
import { readServer } from './server';
import type { Server } from './server';
import { valueAt } from './value';
import type { Path, Scalar } from './value';

export interface EditPlan {
  /** The manifest with the changes; the very same text when there are none. */
  text: string;
  /** That text, parsed. */
  doc: ManifestDocument;
  changes: readonly ManifestChange[];
  /** What the new text says. */
  settings: AuditSettings;
  findings: readonly Finding[];
}

/** A plan in the making. */
export class Draft {
  readonly doc: ManifestDocument;
  readonly server: Server;
  readonly before: AuditSettings;
  readonly edit: ManifestEdit;
  readonly findings: Finding[] = [];

  constructor(doc: ManifestDocument) {
    this.doc = doc;
    this.server = readServer(doc);
    this.before = readAudit(doc, this.server);
    this.edit = new ManifestEdit(doc);
  }

  /** Changes a flag where it stands, in its own form. */
  changeFlag(flag: Flag, value: string): void {
    const path = (list: string, index: number): Path => [...this.server.path, list, index];
    if (flag.valueAt !== undefined) this.edit.replace(path(flag.valueAt.list, flag.valueAt.index), value);
    else {
      const written = String(valueAt(this.doc.value, path(flag.list, flag.index)));
      this.edit.replace(path(flag.list, flag.index), `${written.replace(/=[\s\S]*$/, '')}=${value}`);
    }
  }

  /** Takes out a flag and, when that stands by itself, its value. */
  removeFlag(flag: Flag): void {
    this.edit.remove([...this.server.path, flag.list, flag.index]);
    if (flag.valueAt !== undefined) this.edit.remove([...this.server.path, flag.valueAt.list, flag.valueAt.index]);
  }

  /** Sets a key of a mapping, whether it is there already or not. */
  put(path: Path, value: Scalar): void {
    if (valueAt(this.doc.value, path) === undefined) this.edit.set(path.slice(0, -1), String(path.at(-1)), value);
    else this.edit.replace(path, value);
  }

  finish(): EditPlan {
    return planOf(this.doc, this.edit.commit(), this.findings);
  }
}

export function planOf(before: ManifestDocument, after: ManifestDocument, findings: readonly Finding[]): EditPlan {
  return {
    text: after.text,
    doc: after,
    changes: auditChanges(before, after),
    settings: readAudit(after, readServer(after)),
    findings,
  };
}

/** Whether a flag already has a value, in the sense of its type. */
export function hasValue(server: Server, flag: Flag, value: string): boolean {
  if (isBooleanAuditFlag(flag.name)) return parseBoolean(flag.value) === parseBoolean(value);
  return flag.value !== undefined && known(expand(flag.value, server.environment)) === value;
}

/** A value as it must stand in a command for the kubelet to leave it alone. */
export function unexpanded(value: string): string {
  return /\$[$(]/.test(value) ? value.split('$').join('$$') : value;
}
