/** The program of an image, with a stand-in for ctr that mounts a folder of ours; what ctr really does has run on nodes. */
import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Trial } from '../../../src/core/rehearsal/trial';
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
