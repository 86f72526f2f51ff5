/** The editor is a real program here: what it is given, how its end is told, and that no shell is in between. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createEditor, type EditorOptions } from '../../src/system/editor';
import { tempFolder } from '../support/temp-folder';

/** A program that notes its arguments, and then does as told. */
function program(name: string, script: string): { path: string; args: () => string[] } {
  const folder = tempFolder();
  const path = join(folder, name);
  const log = join(folder, 'args');
  writeFileSync(path, `#!/bin/sh\nfor each in "$@"; do printf '%s\\n' "$each"; done > '${log}'\n${script}\n`);
  chmodSync(path, 0o755);
  return { path, args: () => readFileSync(log, 'utf8').trimEnd().split('\n') };
}

function editor(env: EditorOptions['env'], more: Partial<EditorOptions> = {}) {
  return createEditor({
    root: '/',
    env: { PATH: process.env.PATH, ...env },
    output: 2,
    hold: () => () => undefined,
    ...more,
  });
}

test('$VISUAL before $EDITOR, with its arguments, and the file last, below the root', async () => {
  const visual = program('my ed', 'echo edited > "$3"');
  const root = tempFolder();
  mkdirSync(join(root, 'copy'));
  const env = { VISUAL: `'${visual.path}' -x "a b"`, EDITOR: '/bin/false' };
  const below = editor(env, { root });
  expect(await below.open('/copy/m.yaml')).toEqual({ state: 'ended' });
  expect(below.locate('/copy/m.yaml')).toBe(join(root, 'copy/m.yaml'));
  expect(visual.args()).toEqual(['-x', 'a b', join(root, 'copy/m.yaml')]);
  expect(readFileSync(join(root, 'copy/m.yaml'), 'utf8')).toBe('edited\n');
});

test.each([
  ['an exit code', 'exit 3', 'ended with exit code 3'],
  ['a signal', 'kill -KILL $$', 'was ended by SIGKILL'],
])('%s is told', async (_name, script, how) => {
  expect(await editor({ EDITOR: program('ed', script).path }).open('/x')).toEqual({ state: 'failed', how });
});

test('one that is not there, or may not be run, is told', async () => {
  await expect(editor({ EDITOR: '/nowhere/ed' }).open('/x')).rejects.toMatchObject({
    code: 'editor-not-found',
    message: expect.stringContaining('/nowhere/ed'),
  });
  const path = join(tempFolder(), 'ed');
  writeFileSync(path, 'not a program');
  chmodSync(path, 0o644);
  expect(await editor({ EDITOR: path }).open('/x')).toMatchObject({
    state: 'failed',
    how: expect.stringContaining('EACCES'),
  });
});

test('what a shell would do is not done', async () => {
  const ed = program('ed', '');
  const trap = join(tempFolder(), 'trap');
  expect(() => editor({ EDITOR: `${ed.path}; touch ${trap}` })).toThrow(/would need a shell/);
  await editor({ EDITOR: `${ed.path} '; touch ${trap}'` }).open('/$(id)');
  expect(ed.args()).toEqual([`; touch ${trap}`, '/$(id)']);
  expect(existsSync(trap)).toBe(false);
});

test('a Ctrl-C is the editor’s while it runs, and ours again afterwards, however it ended', async () => {
  const steps: string[] = [];
  const hold = () => {
    steps.push('held');
    return () => void steps.push('released');
  };
  await editor({ EDITOR: program('ed', 'exit 1').path }, { hold }).open('/x');
  await editor({ EDITOR: '/nowhere' }, { hold })
    .open('/x')
    .catch(() => undefined);
  expect(steps).toEqual(['held', 'released', 'held', 'released']);
});

test('without a choice: what the system has, in Debian’s order', async () => {
  const PATH = tempFolder();
  await expect(editor({ PATH, EDITOR: ' ' }).open('/x')).rejects.toMatchObject({
    code: 'editor-not-found',
    message: 'there is no editor: sensible-editor, vi, nano',
  });
  for (const name of ['nano', 'vi']) {
    writeFileSync(join(PATH, name), `#!/bin/sh\necho ${name} >> ${PATH}/ran\n`, { mode: 0o755 });
    expect(await editor({ PATH }).open('/x')).toEqual({ state: 'ended' });
  }
  expect(readFileSync(join(PATH, 'ran'), 'utf8')).toBe('nano\nvi\n');
});
