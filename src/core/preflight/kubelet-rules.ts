/**
 * What the kubelet refuses a whole manifest for, and then ends the API server: found by decoding and validating it as the
 * kubelet does, with all of its words at once. What the strict reader has said of a place already is not said again.
 */
import { describePath } from '../manifest/document';
import type { Finding } from '../finding';
import { strictFindings } from '../manifest/strict';
import { isMap, valueAt } from '../manifest/value';
import type { Path } from '../manifest/value';
import { decodeAll } from '../pod/decode';
import { setDefaults } from '../pod/defaults';
import { POD, type Pod } from '../pod/types';
import { validatePod } from '../pod/validate';
import { closest } from '../policy/spelling';
import type { Judge, Judged } from './judged';

export const kubeletRules: Judge = (manifest) => {
  const { doc, minor } = manifest;
  const { data, problems } = decodeAll(doc.asRead, POD);
  const { metadata = {}, spec = {} } = (data ?? {}) as Partial<Pod>;
  const pod = { metadata, spec };
  setDefaults(pod);
  // A name is needed before anything else, and that is said while the file is read.
  const errors = validatePod({ ...pod, metadata: { ...metadata, name: metadata.name ?? 'x' } }, minor).map((error) =>
    placed(manifest, error),
  );
  // What could not be decoded is missing from what is validated.
  const sound = errors.filter(({ path }) => !problems.some((problem) => related(problem.path, path)));
  const told = problems.length === 0 ? new Set<string>() : alreadyTold(manifest);
  const fresh = problems.filter(({ path }) => !told.has(spot(doc.place(path))));
  return [...fresh, ...sound].map(({ path, words }) => refused(manifest, path, words));
};

interface Refusal {
  path: Path;
  words: string;
}

/** The kubelet's words begin with the field: `spec.volumes[1].name: Duplicate value: "a"`. */
function placed({ doc }: Judged, error: string): Refusal {
  const [, field = '', words = ''] = /^(\S+?): ([\s\S]*)$/.exec(error) ?? [undefined, 'spec', error];
  const path = pathOf(field);
  // Of a label it names the list, and its name or value only in words.
  const entries = field === 'metadata.labels' || field === 'metadata.annotations' ? doc.map(path) : {};
  const quoted = /^Invalid value: "((?:[^"\\]|\\.)*)"/.exec(words)?.[1];
  const [key] = Object.entries(entries).find(([name, value]) => name === quoted || value === quoted) ?? [];
  return { path: key === undefined ? path : [...path, key], words };
}

function pathOf(field: string): Path {
  return [...field.matchAll(/([^.[\]]+)|\[([^\]]*)\]/g)].map(([, name, index]) =>
    index === undefined ? (name ?? '') : /^\d+$/.test(index) ? Number(index) : index,
  );
}

/** Whether one place holds the other, or is it. */
function related(a: Path, b: Path): boolean {
  return a.slice(0, b.length).join('\0') === b.slice(0, a.length).join('\0');
}

function alreadyTold({ doc, minor }: Judged): Set<string> {
  return new Set(strictFindings(doc, minor).map(({ place }) => spot(place)));
}

function spot(place: Finding['place']): string {
  return `${place?.line ?? 0}:${place?.column ?? 0}`;
}

function refused(manifest: Judged, path: Path, says: string): Finding {
  return {
    code: 'manifest-invalid',
    severity: 'error',
    title: `the kubelet would refuse the manifest: ${describePath(path)}: ${says}`,
    detail: 'It then ends the API server that runs, and starts none.',
    place: manifest.doc.place(path),
    remedy: [remedyFor(manifest, path, says)],
  };
}

function remedyFor({ doc }: Judged, path: Path, says: string): string {
  const [field = '', parent = ''] = path.filter((step) => typeof step === 'string').reverse();
  const mount = /^Not found: "(.*)"$/.exec(says)?.[1];
  if (mount !== undefined) {
    const names = doc.list(['spec', 'volumes']).flatMap((each) => (isMap(each) ? String(each.name) : []));
    const near = closest(mount, names);
    return near === undefined || mount === ''
      ? 'add a volume of that name under spec.volumes, or take the mount out'
      : `write \`${near}\`, as the volume is called`;
  }
  const supported = /^Unsupported value: "(.*?)": supported values: (.*)$/.exec(says);
  if (supported) {
    const values = (supported[2] ?? '').match(/(?<=")[^",]+(?=")/g) ?? [];
    const near = closest(supported[1] ?? '', values);
    return near === undefined ? `write one of: ${values.join(', ')}` : `write \`${near}\``;
  }
  for (const [pattern, remedy] of REMEDIES) if (pattern.test(`${parent}.${field}: ${says}`)) return remedy;
  const value = valueAt(doc.value, path);
  return value === undefined || typeof value === 'object'
    ? 'correct what these words name, or take it out'
    : `write another value than ${JSON.stringify(value)} there`;
}

/** By the field and the kubelet's words of it. */
const REMEDIES: readonly (readonly [pattern: RegExp, remedy: string])[] = [
  [/must be unique/, 'keep one of the two'],
  [/Duplicate value/, 'name one of the two otherwise'],
  [/handler type$/, 'say how it asks, in one way: httpGet, tcpSocket, grpc or exec'],
  [/more than 1 volume type/, 'keep one source: a volume has one'],
  [/must not contain '\.\.'/, 'write the whole path'],
  [/RFC 1123/, 'use lower-case letters, digits and dashes, at most 63'],
  [/limit of/, 'raise the limit, or lower the request'],
  [/quantit/, 'write a quantity such as 250m, 0.5 or 256Mi'],
  [/standard resource/, 'write cpu, memory or ephemeral-storage'],
  [/of type int(?:32|64)$/, 'write a whole number, and not so large a one'],
  [/between 1 and 65535/, 'write a port between 1 and 65535'],
  [/match `containerPort`/, 'take hostPort out: in the network of the node it is the containerPort'],
  [
    /valid label|name part|prefix part/,
    'use letters, digits, `-`, `_` and `.`, at most 63, letters or digits at both ends',
  ],
  [/environment variable name/, 'use letters, digits and `_`, no digit first'],
  [/mountPath: Required/, 'name the path inside the container'],
  [/hostPath\.path: Required/, 'name a path'],
  [/image: Required/, 'name the image'],
  [/name: Required/, 'give it a name'],
  [/Port: Required/, 'write the number of the port'],
  [/Required value/, 'write it, or take out what needs it'],
];
