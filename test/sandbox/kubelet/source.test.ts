/** The manifests folder: which file makes which pod, at polls and at events, and what is said of the others. */
import { kubeletLog } from '../../../src/sandbox/kubelet/lines';
import { FileSource, type FolderView } from '../../../src/sandbox/kubelet/folder/source';
import type { StaticPod } from '../../../src/sandbox/kubelet/pod/read';
import { manifest } from '../../support/sandbox-node';

const FOLDER = '/etc/kubernetes/manifests';
const NAME = 'kube-apiserver.yaml';
const BROKEN = 'a: b\n c: d\n';

/** A folder in memory; its files are texts, or what else stands there. */
class Node {
  files: Record<string, string | { kind: 'folder' | 'other' }> | undefined = {};
  unreadable = false;
  pods: readonly StaticPod[] = [];
  said: string[] = [];
  readonly source: FileSource;

  constructor(minor = 36) {
    const folder: FolderView = {
      list: () => {
        if (this.unreadable) throw Object.assign(new Error('EACCES'), { code: 'EACCES' });
        return this.files && Object.keys(this.files);
      },
      kind: (name) => {
        const file = this.files?.[name];
        return typeof file === 'object' ? file.kind : file === undefined ? undefined : 'file';
      },
      read: (name, limit) => {
        const file = this.files?.[name];
        const fail = (code: string) => Object.assign(new Error(code), { code });
        if (file === undefined) throw fail('ENOENT');
        if (typeof file === 'object') throw fail('EISDIR');
        if (file.length > limit) throw fail('EFBIG');
        return Buffer.from(file);
      },
    };
    const log = kubeletLog(({ severity, place, text }) => this.said.push(`${severity} ${place}] ${text}`), {
      structuredText: minor >= 21,
      now: () => 0,
      startedAt: 0,
    });
    this.source = new FileSource({
      folder,
      path: FOLDER,
      nodeName: 'cp1',
      minor,
      log,
      seen: () => 'now',
      onPods: (pods) => {
        this.pods = pods;
      },
    });
  }

  put(name: string, text: string): void {
    this.files = { ...this.files, [name]: text };
    this.source.touched(name, true);
  }

  remove(name: string): void {
    this.files = Object.fromEntries(Object.entries(this.files ?? {}).filter(([each]) => each !== name));
    this.source.touched(name, true);
  }

  /** The notes of the pods that are wanted now. */
  notes(): string[] {
    return this.pods.map(({ annotations }) => annotations['note'] ?? '');
  }
}

const noted = (annotation: string): string => manifest({ annotation });

test('a file makes a pod at its event; a rename over it another', () => {
  const node = new Node();
  node.put(NAME, noted('one'));
  expect(node.notes()).toEqual(['one']);
  const [first] = node.pods;
  node.put(NAME, noted('two'));
  expect(node.notes()).toEqual(['two']);
  expect(node.pods[0]!.uid).not.toBe(first!.uid);
});

test.each([
  ['a leading dot is never read', '.kube-apiserver.yaml', ['good']],
  ['a backup sorts behind and wins at a poll', `${NAME}.bak`, ['backup']],
  ['so does an editor’s', `${NAME}~`, ['backup']],
  ['one that sorts before loses', 'kube-apiserver-old.yaml', ['good']],
])('%s', (_what, name, notes) => {
  const node = new Node();
  node.files = { [NAME]: noted('good'), [name]: noted('backup') };
  node.source.poll();
  expect([node.notes(), node.said]).toEqual([notes, []]);
});

test('at an event the last file touched wins, whatever its name; the next poll sorts it out', () => {
  const node = new Node();
  node.put(NAME, noted('good'));
  node.put('kube-apiserver-old.yaml', noted('old'));
  expect(node.notes()).toEqual(['old']);
  node.source.poll();
  expect(node.notes()).toEqual(['good']);
});

test('removing a backup takes the pod with it until the next poll', () => {
  const node = new Node();
  node.files = { [NAME]: noted('good'), [`${NAME}.bak`]: noted('backup') };
  node.source.poll();
  node.remove(`${NAME}.bak`);
  expect(node.notes()).toEqual([]);
  node.source.poll();
  expect(node.notes()).toEqual(['good']);
});

test('moved aside to a dot name and back', () => {
  const node = new Node();
  node.put(NAME, noted('good'));
  node.remove(NAME);
  expect(node.notes()).toEqual([]);
  node.put(NAME, noted('good'));
  expect(node.notes()).toEqual(['good']);
});

test('pods of other names are no business of each other', () => {
  const node = new Node();
  node.files = { [NAME]: noted('good'), 'etcd.yaml': noted('etcd').replace('name: kube-apiserver', 'name: etcd') };
  node.source.poll();
  expect(node.notes().sort()).toEqual(['etcd', 'good']);
});

describe('a file that makes no pod', () => {
  const WORDS = `${FOLDER}/${NAME}: couldn't parse as pod(yaml: line 2: mapping values are not allowed in this context), please check config file`;

  test('1.36: at its event the old pod runs on, at the next poll it is gone', () => {
    const node = new Node();
    node.put(NAME, noted('good'));
    node.put(NAME, BROKEN);
    expect(node.notes()).toEqual(['good']);
    node.source.poll();
    expect(node.notes()).toEqual([]);
    expect(node.said).toEqual([
      `E file.go:108] "Unable to process watch event" err="can't process config file \\"${FOLDER}/${NAME}\\": ${WORDS}"`,
      `E file.go:187] "Could not process manifest file" err="${WORDS}" path="${FOLDER}/${NAME}"`,
    ]);
  });

  test('1.20: the same in other words', () => {
    const node = new Node(20);
    node.put(NAME, BROKEN);
    node.source.poll();
    expect(node.said).toEqual([
      `E file.go:108] Unable to process watch event: can't process config file "${FOLDER}/${NAME}": ${WORDS}`,
      `E file.go:187] Can't process manifest file "${FOLDER}/${NAME}": ${WORDS}`,
    ]);
  });

  test('a backup that is broken drops out, and the good file makes the pod', () => {
    const node = new Node();
    node.files = { [NAME]: noted('good'), [`${NAME}.bak`]: BROKEN };
    node.source.poll();
    expect(node.notes()).toEqual(['good']);
  });

  test('too large', () => {
    const node = new Node();
    node.put(NAME, `# ${'x'.repeat(10 * 1024 * 1024)}`);
    expect(node.said.join()).toContain('rest of the data is too large');
  });

  test('written to, and gone before it could be read', () => {
    const node = new Node();
    node.source.touched('sed79ViTz', false);
    expect(node.said).toEqual([
      `E file.go:108] "Unable to process watch event" err="can't process config file \\"${FOLDER}/sed79ViTz\\": open ${FOLDER}/sed79ViTz: no such file or directory"`,
    ]);
  });
});

test('folders and sockets are mentioned at every poll, and passed over', () => {
  const node = new Node();
  node.files = { backup: { kind: 'folder' }, socket: { kind: 'other' }, [NAME]: noted('good') };
  node.source.poll();
  node.source.poll();
  expect(node.said.slice(2)).toEqual([
    `E file.go:182] "Provided manifest path is a directory, not recursing into manifest path" path="${FOLDER}/backup"`,
    `E file.go:193] "Manifest path is not a directory or file" path="${FOLDER}/socket" mode=0`,
  ]);
  expect(node.notes()).toEqual(['good']);
});

test('a folder that cannot be read is said, and changes nothing', () => {
  const node = new Node();
  node.put(NAME, noted('good'));
  node.unreadable = true;
  node.source.poll();
  expect([node.notes(), node.said]).toEqual([
    ['good'],
    [`E file.go:96] "Unable to read config path" err="open ${FOLDER}: permission denied" path="${FOLDER}"`],
  ]);
});

test('without its folder the kubelet runs nothing', () => {
  const node = new Node();
  node.put(NAME, noted('good'));
  node.files = undefined;
  node.source.poll();
  expect(node.notes()).toEqual([]);
  expect(node.said).toEqual([
    `E file.go:96] "Unable to read config path" err="path does not exist, ignoring" path="${FOLDER}"`,
  ]);
});
