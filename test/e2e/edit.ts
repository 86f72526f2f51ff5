/** Edits of a manifest as scenarios describe them (edit.json), made with the YAML library: they need not be pretty. */
import { parseDocument, type Document } from 'yaml';

export interface Edit {
  /** Appended to the command. */
  addFlags?: string[];
  /** Replaces the flag of that name. */
  setFlags?: string[];
  removeFlags?: string[];
  addVolumes?: object[];
  addMounts?: object[];
  image?: string;
  annotations?: Record<string, string>;
}

const CONTAINER = ['spec', 'containers', 0];

export function edit(text: string, changes: Edit): string {
  const doc = parseDocument(text);
  const command = (doc.toJS() as { spec: { containers: { command: string[] }[] } }).spec.containers[0]?.command ?? [];
  const nameOf = (flag: string): string => flag.replace(/=.*$/s, '');
  let flags = command.filter((flag) => !(changes.removeFlags ?? []).includes(nameOf(flag)));
  for (const flag of changes.setFlags ?? []) flags = flags.map((each) => (nameOf(each) === nameOf(flag) ? flag : each));
  doc.setIn([...CONTAINER, 'command'], [...flags, ...(changes.addFlags ?? [])]);
  append(doc, ['spec', 'volumes'], changes.addVolumes);
  append(doc, [...CONTAINER, 'volumeMounts'], changes.addMounts);
  if (changes.image !== undefined) doc.setIn([...CONTAINER, 'image'], changes.image);
  for (const [name, value] of Object.entries(changes.annotations ?? {}))
    doc.setIn(['metadata', 'annotations', name], value);
  return doc.toString({ lineWidth: 0 });
}

function append(doc: Document, path: (string | number)[], items: object[] = []): void {
  for (const item of items) doc.addIn(path, item);
}
