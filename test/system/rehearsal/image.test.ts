/** The program of an image, with a stand-in for ctr that mounts a folder of ours; what ctr really does has run on nodes. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Trial } from '../../../src/core/rehearsal/trial';
import { imageLayersInStore, storeRoots } from '../../../src/system/rehearsal/image-store';
import { createRehearsal } from '../../../src/system/rehearsal/rehearsal';
import { tempFolder } from '../../support/temp-folder';

const never = new AbortController().signal;
const IMAGE = 'registry.example/kube-apiserver:v1.36.0';
const able = spawnSync('unshare', ['--mount', '--net', '--pid', '--fork', 'true']).status === 0;
// Namespaces are root's, on Linux.
const onLinux = able ? describe : describe.skip;

const trial: Trial = {
  args: [],
  environment: {},
  program: { image: IMAGE },
  mounts: ['/usr', '/lib', '/lib64']
    .filter((path) => statSync(path, { throwIfNoEntry: false }))
    .map((path) => ({ mountPath: path, source: path, readOnly: true, type: undefined })),
  files: [],
  folders: [],
};

function executable(path: string, text: string): void {
  writeFileSync(path, text);
  chmodSync(path, 0o755);
}

/** Puts a ctr before all others; answers the arguments it was called with. */
async function withCtr(script: string, work: () => Promise<void>): Promise<string[]> {
  const folder = tempFolder();
  executable(join(folder, 'ctr'), `#!/bin/sh\necho "$*" >> ${folder}/calls\n${script}\n`);
  const before = process.env['PATH'];
  process.env['PATH'] = `${folder}${delimiter}${before ?? ''}`;
  try {
    await work();
  } finally {
    process.env['PATH'] = before;
  }
  return readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n');
}

/** A store as CRI-O leaves it, with the server in the lower of two layers. */
function store(program: string): string {
  const root = tempFolder();
  for (const folder of ['overlay-images', 'overlay-layers', 'overlay/top/diff', 'overlay/base/diff'])
    mkdirSync(join(root, folder), { recursive: true });
  const images = [
    { id: 'x', names: ['other:v1'], layer: 'no' },
    { id: 'a', digest: 'sha256:abc', names: [IMAGE], layer: 'top' },
  ];
  writeFileSync(join(root, 'overlay-images/images.json'), JSON.stringify(images));
  writeFileSync(join(root, 'overlay-layers/layers.json'), '[{"id":"base"},{"id":"top","parent":"base"}]');
  executable(join(root, 'overlay/base/diff/kube-apiserver'), program);
  return root;
}

describe('the store that CRI-O and podman share', () => {
  test('names the layers of an image, topmost first', () => {
    const root = store('x');
    const layers = ['top', 'base'].map((id) => join(root, 'overlay', id, 'diff'));
    expect(imageLayersInStore(IMAGE, ['/nowhere', root])).toEqual(layers);
    expect(imageLayersInStore('registry.example/kube-apiserver@sha256:abc', [root])).toEqual(layers);
  });

  test.each([
    ['is not there', 'registry.example/kube-apiserver:v1.37.0', () => undefined, 'is not in'],
    [
      'lacks a layer',
      IMAGE,
      (root: string) => {
        writeFileSync(join(root, 'overlay-layers/layers.json'), '[{"id":"top","parent":"gone"}]');
      },
      'no layer gone',
    ],
    [
      'cannot be read',
      IMAGE,
      (root: string) => {
        writeFileSync(join(root, 'overlay-images/images.json'), '[{');
      },
      'images.json',
    ],
  ])('an image that %s is said', (_, image, breakIt, words) => {
    const root = store('x');
    breakIt(root);
    expect(() => imageLayersInStore(image, [root])).toThrow(words);
  });

  test('lies where its configuration says', () => {
    const config: Record<string, string> = {
      '/etc/containers/storage.conf':
        '[storage]\ngraphroot = "/data/a"\nadditionalimagestores = [ "/data/b", "/data/c" ]\n',
      '/etc/crio/crio.conf': '# root = "/not"\n[crio]\nroot = "/data/d"\n',
    };
    expect(storeRoots((path) => config[path] ?? '')).toEqual([
      ...['/data/d', '/data/c', '/data/b', '/data/a', '/var/lib/containers/storage'],
    ]);
  });
});

onLinux('the image of a server that does not run', () => {
  test('is mounted in the namespace alone, started from, and let go', async () => {
    const image = tempFolder();
    executable(
      join(image, 'kube-apiserver'),
      `#!${process.execPath}\nconsole.log("Loaded 1 mutating admission controller(s)"); setInterval(() => {}, 1000);\n`,
    );
    const calls = await withCtr(`[ "$4" = mount ] && exec mount --bind ${image} "$6"; exit 0`, async () => {
      expect(await createRehearsal().start(trial, never)).toMatchObject({ state: 'lives', reached: 'admission' });
    });
    const images = '--namespace k8s.io images';
    const folder = expect.stringMatching(/^\S+$/) as string;
    expect(calls.map((call) => call.replace(/ \S+$/, ''))).toEqual([
      `${images} unmount --rm`,
      `${images} mount ${IMAGE}`,
      `${images} unmount --rm`,
    ]);
    expect(new Set(calls.map((call) => call.split(' ').at(-1))).size).toBe(1);
    expect(calls[0]?.split(' ').at(-1)).toEqual(folder);
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain('kube-auditctl-image');
  });

  test('that the node does not have is said, and nothing is pulled', async () => {
    const calls = await withCtr(
      `[ "$4" = mount ] && { echo "ctr: image: not found" >&2; exit 1; }; exit 0`,
      async () => {
        expect(await createRehearsal().start(trial, never)).toEqual({
          state: 'not-possible',
          why: expect.stringContaining('not found'),
        });
      },
    );
    expect(calls.filter((call) => / (?:pull|import) /.test(call))).toEqual([]);
  });

  test('is started from the store of CRI-O where there is no ctr, and nothing is left', async () => {
    const root = store(
      `#!${process.execPath}\nconsole.log("Loaded 1 mutating admission controller(s)"); setInterval(() => {}, 1000);\n`,
    );
    await withCtr('exit 127', async () => {
      expect(await createRehearsal({ imageStores: [root] }).start(trial, never)).toMatchObject({
        state: 'lives',
        reached: 'admission',
      });
    });
    expect(readFileSync('/proc/self/mountinfo', 'utf8')).not.toContain(root);
    expect(statSync(join(root, 'overlay/base/diff/.rehearsal'), { throwIfNoEntry: false })).toBeUndefined();
  });

  test('that is in no store is said, with all that was tried', async () => {
    await withCtr('echo "ctr: no containerd" >&2; exit 1', async () => {
      expect(await createRehearsal({ imageStores: ['/nowhere'] }).start(trial, never)).toEqual({
        state: 'not-possible',
        why: expect.stringMatching(/cannot be had: .*no containerd; .*is not in \/nowhere/),
      });
    });
  });

  test('without a kube-apiserver in it is said', async () => {
    const empty = tempFolder();
    await withCtr(`[ "$4" = mount ] && exec mount --bind ${empty} "$6"; exit 0`, async () => {
      expect(await createRehearsal().start(trial, never)).toEqual({
        state: 'not-possible',
        why: expect.stringContaining(`${IMAGE} has no kube-apiserver`),
      });
    });
  });
});
