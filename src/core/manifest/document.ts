/**
 * A static pod's manifest as a document: its text, its YAML tree for finding places, and its plain value. The tree is
 * never printed: what is written is the text itself, changed in places (edit.ts), so that comments, order, quoting and
 * line endings survive.
 */
import { isAlias, isMap as isYamlMap, isSeq, isScalar, parseAllDocuments } from 'yaml';
import type { Document, Node, ParsedNode, Pair, ScalarTag } from 'yaml';
import { messageOf, UserError } from '../errors';
import type { Place } from '../errors';
import { looksLikeJson, parseJson } from '../policy/json-value';
import { TextProblem, type Value } from '../policy/value';
import { parseYaml } from '../policy/yaml-value';
import { LineIndex } from '../text';
import { isMap, valueAt } from './value';
import type { Path, PlainMap } from './value';

export interface ManifestDocument {
  readonly file: string | undefined;
  readonly text: string;
  /** For locating only; see the head of this file. */
  readonly yaml: Document.Parsed;
  readonly value: PlainMap;
  /** The same as the kubelet's own reader sees it. */
  readonly asRead: Value;
  /** The place of the value at a path, or of its nearest parent that is written in the file. */
  place(path: Path): Place;
  /** A list of the manifest; empty when absent or null. Throws UserError `manifest-wrong-type` when it is no list. */
  list(path: Path): readonly unknown[];
  /** A mapping of the manifest, likewise. */
  map(path: Path): PlainMap;
}

/**
 * Reads a manifest strictly: what the kubelet would drop without a word (a second document, a duplicate key) is an
 * error here. JSON is read as the YAML it is.
 *
 * @param file path as the user would type it, for the places in errors.
 * @throws UserError `manifest-empty`, `manifest-control-character`, `manifest-syntax`, `manifest-duplicate-key`,
 *   `manifest-multiple-documents`, `manifest-alias`, `manifest-not-a-pod`, `manifest-no-containers`.
 */
export function parseManifest(
  text: string,
  file?: string,
  /** Told of what the kubelet would read past, which then does not throw: duplicate keys, further documents. */
  overlooked?: (error: UserError) => void,
): ManifestDocument {
  const lines = new LineIndex(text);
  const placeAt = (offset: number, length = 1): Place => lines.place(offset, length, file);
  refuseGarbage(text, placeAt);
  const yaml = parseOne(text, placeAt, overlooked);
  const value = toPlain(yaml, placeAt);
  const asRead = readAsKubelet(text, placeAt);
  const place = (path: Path): Place => {
    const [start, end] = nearestRange(yaml, path);
    return placeAt(start, end - start);
  };
  const wrongType = (path: Path, wanted: string): UserError =>
    new UserError('manifest-wrong-type', `${describePath(path)} must be ${wanted}`, {
      place: place(path),
      hints: [`Write ${wanted} there: look at the indentation, the dashes and the colons.`],
    });
  const doc: ManifestDocument = {
    file,
    text,
    yaml,
    value,
    asRead,
    place,
    list(path) {
      const found = valueAt(value, path) ?? [];
      if (!Array.isArray(found)) throw wrongType(path, 'a list');
      return found as unknown[];
    },
    map(path) {
      const found = valueAt(value, path) ?? {};
      if (!isMap(found)) throw wrongType(path, 'a mapping');
      return found;
    },
  };
  refuseOtherKinds(doc);
  return doc;
}

/** `spec.containers[0].command`, as the API server's messages write it. */
export function describePath(path: Path): string {
  return path.reduce<string>(
    (text, step) => (typeof step === 'number' ? `${text}[${step}]` : text === '' ? step : `${text}.${step}`),
    '',
  );
}

/** The pair of a YAML mapping that holds a key, written there itself (not merged in by `<<`). */
export function pairOf(node: unknown, key: string | number): Pair<Node, Node | null> | undefined {
  if (!isYamlMap<Node, Node | null>(node)) return undefined;
  return node.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key));
}

type PlaceAt = (offset: number, length?: number) => Place;

function refuseGarbage(text: string, placeAt: PlaceAt): void {
  if (text.trim() === '' || text.trim() === '\uFEFF')
    throw new UserError('manifest-empty', 'the manifest is empty', {
      hints: ['Was it truncated while being written? `kube-auditctl history` lists earlier versions of it.'],
    });
  const control = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufffe\uffff]/.exec(text);
  if (control === null) return;
  const code = control[0].charCodeAt(0).toString(16).padStart(4, '0').toUpperCase();
  throw new UserError('manifest-control-character', `the manifest holds the control character U+${code}`, {
    place: placeAt(control.index),
    hints: ['It may be a damaged or binary file; YAML allows no control characters.'],
  });
}

function parseOne(text: string, placeAt: PlaceAt, overlooked?: (error: UserError) => void): Document.Parsed {
  let documents: Document.Parsed[];
  try {
    documents = [...parseAllDocuments(text, options)] as Document.Parsed[];
  } catch (thrown) {
    throw new UserError('manifest-syntax', `the manifest cannot be read as YAML: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
  const refuse = (error: UserError): void => {
    if (overlooked === undefined) throw error;
    overlooked(error);
  };
  const errors = documents.flatMap((document) => document.errors).sort((a, b) => a.pos[0] - b.pos[0]);
  // What cannot be read at all comes first where the rest is told too: it makes the rest doubtful.
  const fatal = errors.find(({ code }) => code !== 'DUPLICATE_KEY');
  for (const error of overlooked && fatal ? [fatal] : errors) {
    const place = placeAt(error.pos[0], error.pos[1] - error.pos[0]);
    if (error.code === 'DUPLICATE_KEY')
      refuse(
        new UserError('manifest-duplicate-key', `the key \`${wordAt(text, error.pos[0])}\` is given twice`, {
          place,
          hints: ['The kubelet would silently use the later one: remove one of the two.'],
        }),
      );
    else
      throw new UserError('manifest-syntax', `the manifest is not valid YAML: ${error.message}`, {
        place,
        hints: /tab/i.test(error.message)
          ? ['Indent with spaces; YAML allows no tabs there.']
          : ['Look at the indentation, the dashes, the colons and the quotes there, and on the line before.'],
      });
  }
  const [first, second] = documents;
  const extra = first && isBlank(first) ? second : documents.slice(1).find((document) => !isBlank(document));
  if (extra !== undefined)
    refuse(
      new UserError('manifest-multiple-documents', 'the manifest holds several YAML documents', {
        place: placeAt(extra.contents?.range[0] ?? extra.range[0]),
        hints: ['The kubelet reads only the first and ignores the rest: one file, one pod.'],
      }),
    );
  if (first === undefined) throw new UserError('manifest-empty', 'the manifest is empty');
  return first;
}

/**
 * What the YAML library takes, Go's may refuse: a tab on a line that looks empty, before a comment, behind a dash. The
 * kubelet reads with Go's, and ends the API server for it.
 */
function readAsKubelet(text: string, placeAt: PlaceAt): Value {
  try {
    return (looksLikeJson(text) ? parseJson(text) : parseYaml(text)).root;
  } catch (thrown) {
    if (!(thrown instanceof TextProblem)) throw thrown;
    const line = placeAt(thrown.offset).lineText ?? '';
    throw new UserError('manifest-syntax', `the kubelet cannot read the manifest: ${thrown.message}`, {
      place: placeAt(thrown.offset),
      hints: [
        looksLikeJson(text)
          ? 'A file that begins with { is read as JSON, and nothing else: correct it there.'
          : line.includes('\t')
            ? 'There is a tab in that line: write spaces instead.'
            : 'Look at the indentation, the dashes, the colons and the quotes there, and on the line before.',
      ],
    });
  }
}

/** `---` with nothing but comments behind it. */
function isBlank({ contents }: Document.Parsed): boolean {
  return contents === null || (isScalar(contents) && contents.range[0] === contents.range[1]);
}

/** Go's YAML library, which the kubelet reads with, knows the booleans of YAML 1.1. */
const booleanWords: ScalarTag = {
  identify: () => false,
  default: true,
  tag: 'tag:yaml.org,2002:bool',
  test: /^(?:y|Y|yes|Yes|YES|on|On|ON|n|N|no|No|NO|off|Off|OFF)$/,
  resolve: (word) => /^(?:y|yes|on)$/i.test(word),
};

const options = {
  keepSourceTokens: true,
  prettyErrors: false,
  merge: true,
  customTags: (tags: readonly unknown[]) => [...tags, booleanWords] as ScalarTag[],
} as const;

function toPlain(yaml: Document.Parsed, placeAt: PlaceAt): PlainMap {
  let value: unknown;
  try {
    value = yaml.toJS({ maxAliasCount: 100 });
  } catch (thrown) {
    throw new UserError('manifest-alias', `the manifest's YAML aliases cannot be followed: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
  if (value === null) throw new UserError('manifest-empty', 'the manifest holds nothing but comments');
  if (isMap(value)) return value;
  throw new UserError('manifest-not-a-pod', 'the manifest is not a mapping', {
    place: placeAt(yaml.contents?.range[0] ?? 0),
    hints: ['A static pod starts with `apiVersion: v1` and `kind: Pod`.'],
  });
}

function refuseOtherKinds(doc: ManifestDocument): void {
  for (const [key, wanted] of [
    ['kind', 'Pod'],
    ['apiVersion', 'v1'],
  ] as const) {
    if (doc.value[key] === wanted) continue;
    const found = doc.value[key] === undefined ? 'missing' : JSON.stringify(doc.value[key]);
    throw new UserError('manifest-not-a-pod', `the manifest is not a static pod: ${key} is ${found}, not ${wanted}`, {
      place: doc.place([key]),
      hints: ['A static pod starts with `apiVersion: v1` and `kind: Pod`.'],
    });
  }
  doc.map(['metadata']);
  doc.map(['spec']);
  const containers = valueAt(doc.value, ['spec', 'containers']);
  if (Array.isArray(containers) && containers.length > 0 && containers.every(isMap)) return;
  throw new UserError('manifest-no-containers', 'the manifest has no list of containers under spec.containers', {
    place: doc.place(['spec', 'containers']),
  });
}

function nearestRange(yaml: Document.Parsed, path: Path): [number, number] {
  let node: Node | null = yaml.contents;
  let range: [number, number] = [node?.range?.[0] ?? 0, (node?.range?.[0] ?? 0) + 1];
  for (const step of path) {
    if (isAlias(node)) node = (node.resolve(yaml) as ParsedNode | undefined) ?? null;
    const pair = pairOf(node, step);
    const next: Node | null | undefined =
      pair !== undefined ? pair.value : isSeq(node) ? (node.items[Number(step)] as Node | undefined) : undefined;
    if (pair?.key.range != null) range = [pair.key.range[0], pair.key.range[1]];
    if (next == null) return range;
    // A key says more than the first line of a collection under it; a scalar speaks for itself.
    if (next.range != null && (pair === undefined || isScalar(next)) && next.range[1] > next.range[0])
      range = [next.range[0], next.range[1]];
    node = next;
  }
  return range;
}

function wordAt(text: string, offset: number): string {
  return /^["']?([^\s:"']+)/.exec(text.slice(offset))?.[1] ?? '';
}
