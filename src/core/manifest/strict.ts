/**
 * A manifest read more strictly than the kubelet reads it. The kubelet drops unknown fields without a word, and a wrong type
 * costs the API server: both are found here, with the field that was meant. Source: pkg/kubelet/config/common.go, which
 * decodes with a decoder that is not strict.
 */
import { isAlias, isSeq } from 'yaml';
import type { Node } from 'yaml';
import type { Place } from '../errors';
import type { Finding } from '../finding';
import { closest } from '../policy/spelling';
import { LineIndex } from '../text';
import { describePath, pairOf } from './document';
import type { ManifestDocument } from './document';
import { POD_SCHEMA, SCHEMA_MINOR } from './pod-schema';
import { isMap } from './value';
import type { Path, PlainMap } from './value';

/**
 * Every unknown field and every wrong type, in the order of the file.
 * @param serverMinor minor version of the cluster: one that is newer than the schema may have fields that are not in it.
 */
export function strictFindings(doc: ManifestDocument, serverMinor?: number): Finding[] {
  const findings: Finding[] = [];
  const mayBeNew = serverMinor !== undefined && serverMinor > SCHEMA_MINOR;
  visit({ doc, findings, mayBeNew }, doc.value, 'V1Pod', [], []);
  return findings.sort((a, b) => (a.place?.line ?? 0) - (b.place?.line ?? 0));
}

/** The place of a key, where `place` of the document tells that of its value. */
export function keyPlace(doc: ManifestDocument, path: Path): Place {
  let node: Node | null | undefined = doc.yaml.contents;
  for (const step of path.slice(0, -1)) {
    if (isAlias(node)) node = node.resolve(doc.yaml);
    node = pairOf(node, step)?.value ?? (isSeq(node) ? (node.items[Number(step)] as Node) : undefined);
  }
  if (isAlias(node)) node = node.resolve(doc.yaml);
  const range = pairOf(node, path.at(-1) ?? '')?.key.range;
  if (range == null) return doc.place(path);
  return new LineIndex(doc.text).place(range[0], range[1] - range[0], doc.file);
}

interface Reading {
  doc: ManifestDocument;
  findings: Finding[];
  mayBeNew: boolean;
}

/** A mapping that is being read: where it stands, and which type it has. */
interface Owner {
  type: string;
  path: Path;
}

function visit(reading: Reading, value: unknown, type: string, path: Path, owners: readonly Owner[]): void {
  if (value === null || value === undefined || type === '*') return;
  const wrong = (wanted: string): void => {
    reading.findings.push(wrongType(reading.doc, path, value, wanted));
  };
  if (type.startsWith('[]')) {
    if (!Array.isArray(value)) wrong('a list');
    else
      value.forEach((item, at) => {
        visit(reading, item, type.slice(2), [...path, at], owners);
      });
  } else if (type.startsWith('{}') || POD_SCHEMA[type] !== undefined) {
    if (!isMap(value)) wrong('a mapping');
    else if (type.startsWith('{}'))
      for (const [key, item] of Object.entries(value)) visit(reading, item, type.slice(2), [...path, key], owners);
    else visitFields(reading, value, type, path, owners);
  } else {
    const wanted = SCALARS[type];
    if (wanted !== undefined && !wanted.takes(value)) wrong(wanted.name);
  }
}

function visitFields(reading: Reading, value: PlainMap, type: string, path: Path, owners: readonly Owner[]): void {
  const fields = fieldsOf(type);
  const here = [...owners, { type, path }];
  for (const [key, item] of Object.entries(value)) {
    const field = fields.get(key);
    if (field !== undefined) visit(reading, item, field, [...path, key], here);
    else reading.findings.push(unknownField(reading, value, key, here));
  }
}

const SCALARS: Readonly<Record<string, { name: string; takes: (value: unknown) => boolean }>> = {
  string: { name: 'a string', takes: (value) => typeof value === 'string' },
  boolean: { name: 'true or false', takes: (value) => typeof value === 'boolean' },
  int: { name: 'a whole number', takes: (value) => Number.isInteger(value) },
  number: { name: 'a number', takes: (value) => typeof value === 'number' },
  quantity: { name: 'a quantity', takes: (value) => typeof value === 'string' || typeof value === 'number' },
  'int-or-string': {
    name: 'a whole number or a string',
    takes: (value) => typeof value === 'string' || Number.isInteger(value),
  },
};

const known = new Map<string, ReadonlyMap<string, string>>();

function fieldsOf(type: string): ReadonlyMap<string, string> {
  let fields = known.get(type);
  if (fields === undefined) {
    const words = (POD_SCHEMA[type] ?? '').split(' ').map((word) => word.split(':') as [string, string]);
    known.set(type, (fields = new Map(words)));
  }
  return fields;
}

function unknownField(reading: Reading, value: PlainMap, key: string, owners: readonly Owner[]): Finding {
  const path = owners.at(-1)?.path ?? [];
  const where = path.length === 0 ? 'a pod' : describePath(path);
  const remedy = meantBy(value, key, owners);
  return {
    code: 'manifest-unknown-field',
    severity: remedy === undefined && reading.mayBeNew ? 'warning' : 'error',
    title: `${where} has no field \`${key}\``,
    detail: 'The kubelet drops it without a word: what it was meant to say is not said.',
    place: keyPlace(reading.doc, [...path, key]),
    remedy: [remedy ?? `remove \`${key}\`; fields it can have: kubectl explain ${explained(path)}`],
  };
}

/** What was probably meant, as a sentence that can be followed. */
function meantBy(value: PlainMap, key: string, owners: readonly Owner[]): string | undefined {
  const own = [...fieldsOf(owners.at(-1)?.type ?? '')];
  const within = own.find(([name, type]) => name in value && !isMap(value[name]) && fieldsOf(type).has(key));
  if (within !== undefined) return `indent \`${key}\` further: it belongs under \`${within[0]}\``;
  const names = own.map(([name]) => name);
  const sameLetters = names.find((name) => name.toLowerCase() === key.toLowerCase());
  if (sameLetters !== undefined) return `write \`${sameLetters}\` instead of \`${key}\`: upper and lower case count`;
  const outer = owners.slice(0, -1).findLast(({ type }) => fieldsOf(type).has(key));
  if (outer !== undefined)
    return `indent \`${key}\` less: it belongs to ${outer.path.length === 0 ? 'the pod itself' : describePath(outer.path)}`;
  const meant = closest(key, names);
  return meant === undefined ? undefined : `write \`${meant}\` instead of \`${key}\``;
}

function explained(path: Path): string {
  return ['pod', ...path.filter((step) => typeof step === 'string')].join('.');
}

function wrongType(doc: ManifestDocument, path: Path, value: unknown, wanted: string): Finding {
  const found = Array.isArray(value) ? 'a list' : isMap(value) ? 'a mapping' : JSON.stringify(value);
  return {
    code: 'manifest-wrong-type',
    severity: 'error',
    title: `${describePath(path)} must be ${wanted}, not ${found}`,
    detail: 'The kubelet refuses the whole manifest for it, and ends the API server.',
    place: doc.place(path),
    remedy: [remedyFor(value, wanted)],
  };
}

function remedyFor(value: unknown, wanted: string): string {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
    return `write ${wanted} there: look at the indentation, the dashes and the colons`;
  if (wanted === 'a string') return `put it in quotes: "${String(value)}"`;
  if (typeof value === 'string' && SCALARS_IN_QUOTES.test(value)) return `take the quotes away: ${value}`;
  return `write ${wanted} there`;
}

const SCALARS_IN_QUOTES = /^(?:true|false|-?\d+(?:\.\d+)?)$/;
