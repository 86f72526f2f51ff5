/** edit on a node: what stands on the disk afterwards, what is asked, and that nothing typed is lost. */
import { editManifest, type Editor, type Person } from '../../src/change/edit';
import { UserError } from '../../src/core/errors';
import type { Finding } from '../../src/core/finding';
import type { Outcome } from '../../src/core/outcome';
import { FakeNode, MANIFEST, STATE, type TestPorts } from '../support/fake-node';
import { request } from '../support/flows';
import { fixture } from '../support/manifests';

const PRISTINE = fixture('kubeadm-1.36.yaml');
const GOOD = PRISTINE.replace('cpu: 250m', 'cpu: 251m');
const TYPO = PRISTINE.replace('name: k8s-certs\n      readOnly', 'name: k8s-certs\n      readOlny');
const COPY = /^\/var\/lib\/kube-auditctl\/edit\/[0-9a-f]{12}\/kube-apiserver\.yaml$/;

interface Session {
  outcome: Outcome;
  questions: string[];
  shown: Finding[][];
  diffs: string[];
  /** Paths that the editor was given. */
  opened: string[];
}

type Saving = string | ((node: FakeNode, path: string) => unknown);

/** Runs a session: the n-th time it is opened, the editor saves the n-th text; answers are typed in turn. */
async function edit(
  node: FakeNode,
  saves: readonly Saving[],
  answers: readonly (string | ((node: FakeNode, ports: TestPorts) => string | undefined))[] = [],
  more: Partial<Parameters<typeof request>[2]> = {},
): Promise<Session> {
  const session: Omit<Session, 'outcome'> = { questions: [], shown: [], diffs: [], opened: [] };
  const left = [...answers];
  const ports = node.ports();
  const editor: Editor = {
    name: 'ed',
    locate: (path) => path,
    async open(path) {
      const save = saves[session.opened.length];
      session.opened.push(path);
      if (save === undefined) throw new Error('the test did not expect the editor again');
      if (typeof save === 'string') node.fs.put(path, save);
      else {
        const failed = await save(node, path);
        if (failed instanceof UserError) throw failed;
      }
      return { state: 'ended' };
    },
  };
  const person: Person = {
    show: (findings) => void session.shown.push([...findings]),
    showDiff: (diff) => void session.diffs.push(diff),
    ask: (question) => {
      session.questions.push(question);
      const answer = left.shift();
      return Promise.resolve(typeof answer === 'function' ? answer(node, ports) : answer);
    },
  };
  const outcome = await editManifest(
    ports,
    request('edit', () => Promise.reject(new Error('not ours')), more),
    editor,
    person,
  );
  expect(left).toEqual([]);
  return { ...session, outcome };
}

const copies = (node: FakeNode): string[] =>
  Object.keys(node.fs.snapshot()).filter((path) => path.startsWith(`${STATE}/edit/`));
const untouched = (node: FakeNode): void => {
  expect(node.manifest()).toBe(PRISTINE);
  expect(node.fs.history('/etc/kubernetes/manifests').map((state) => Object.keys(state))).toEqual(
    expect.arrayContaining([['kube-apiserver.yaml']]),
  );
  expect(node.serving()?.asManifest).toBe(true);
};

test('saved, checked, applied: written, proven, and the copy is gone', async () => {
  const node = new FakeNode(PRISTINE);
  const { outcome, questions, opened } = await edit(node, [GOOD], ['a']);
  expect(outcome).toMatchObject({ outcome: 'kept', changes: [`replace ${MANIFEST} as edited (+1 -1 lines)`] });
  expect(questions).toEqual(['(e)dit again, (d)iff, (a)pply, (q)uit? ']);
  expect(opened).toEqual([expect.stringMatching(COPY)]);
  expect([node.manifest(), copies(node)]).toEqual([GOOD, []]);
});

test('while it is edited, the copy is root’s alone, and the manifests folder has no second file', async () => {
  const node = new FakeNode(PRISTINE);
  await edit(node, [
    async (_node, path) => {
      expect(node.fs.snapshot()[path]).toMatchObject({ text: PRISTINE, mode: 0o600, uid: 0, gid: 0 });
      expect(await node.ports().files.look(path.replace(/\/[^/]*$/, ''))).toMatchObject({
        kind: 'folder',
        mode: 0o700,
      });
      expect(await node.ports().files.list('/etc/kubernetes/manifests')).toEqual(['kube-apiserver.yaml']);
    },
  ]);
});

test('with an error there is no apply; it is edited again, from what was saved', async () => {
  const node = new FakeNode(PRISTINE);
  const { outcome, questions, shown } = await edit(
    node,
    [
      TYPO,
      (_node, path) => {
        expect(node.fs.text(path)).toBe(TYPO);
        node.fs.put(path, GOOD);
      },
    ],
    ['a', 'e', 'a'],
  );
  expect(shown[0]).toMatchObject([
    { code: 'manifest-unknown-field', place: { file: expect.stringMatching(COPY), lineText: '      readOlny: true' } },
  ]);
  expect(questions).toEqual([
    ...Array<string>(2).fill('(e)dit again, (d)iff, (q)uit? '),
    '(e)dit again, (d)iff, (a)pply, (q)uit? ',
  ]);
  expect([outcome.outcome, node.manifest()]).toEqual(['kept', GOOD]);
});

test('a syntax error is shown at its line, not thrown: it can be mended', async () => {
  const node = new FakeNode(PRISTINE);
  const { shown, outcome } = await edit(node, [PRISTINE.replace('  hostNetwork', '\thostNetwork'), GOOD], ['e', 'a']);
  expect(shown[0]).toMatchObject([
    { code: 'manifest-syntax', severity: 'error', place: { lineText: '\thostNetwork: true' } },
  ]);
  expect(outcome.outcome).toBe('kept');
});

test('--ignore lets an error pass', async () => {
  const node = new FakeNode(PRISTINE);
  const { outcome } = await edit(node, [TYPO], ['a'], { ignore: new Set(['manifest-unknown-field']) });
  expect([outcome.outcome, node.manifest()]).toEqual(['kept', TYPO]);
});

test('the diff is against the manifest', async () => {
  const node = new FakeNode(PRISTINE);
  const { diffs } = await edit(node, [GOOD], ['d', 'q']);
  expect(diffs).toEqual([expect.stringContaining('-        cpu: 250m\n+        cpu: 251m\n')]);
});

test.each<[string, () => string | undefined]>([
  ['q', () => 'q'],
  ['the end of the input', () => undefined],
])('%s: nothing is changed, and what was typed is kept', async (_name, answer) => {
  const node = new FakeNode(PRISTINE);
  const { outcome, opened } = await edit(node, [GOOD], [answer]);
  untouched(node);
  expect(outcome).toMatchObject({ outcome: 'refused', changes: [], diffs: [] });
  expect(outcome.notes.join()).toContain(`kube-auditctl apply -f ${opened[0]}`);
  expect(node.fs.snapshot()[opened[0] ?? '']).toMatchObject({ text: GOOD, mode: 0o600 });
});

test.each<[string, Saving]>([
  ['saves nothing', () => undefined],
  ['saves it as it was', PRISTINE],
])('an editor that %s changes nothing, and leaves nothing behind', async (_name, save) => {
  const node = new FakeNode(PRISTINE);
  const { outcome, questions } = await edit(node, [save]);
  untouched(node);
  expect(outcome).toMatchObject({ outcome: 'unchanged', notes: expect.arrayContaining(['the file was not changed']) });
  expect([questions, copies(node)]).toEqual([[], []]);
});

test.each<[string, Saving]>([
  ['saves an empty file', ' \n'],
  ['removes the file', (node, path) => node.fs.unlink(path)],
])('an editor that %s changes nothing', async (_name, save) => {
  const node = new FakeNode(PRISTINE);
  const { outcome } = await edit(node, [save]);
  untouched(node);
  expect(outcome).toMatchObject({ outcome: 'refused', findings: [{ code: 'manifest-empty' }] });
  expect(copies(node)).toEqual([]);
});

describe('an editor that fails', () => {
  const failing =
    (text?: string): Saving =>
    (node, path) => {
      if (text !== undefined) node.fs.put(path, text);
      return new UserError('editor-failed', 'ed was ended by SIGKILL; nothing was changed');
    };

  test('before anything was saved: said, nothing changed, nothing left behind', async () => {
    const node = new FakeNode(PRISTINE);
    await expect(edit(node, [failing()])).rejects.toMatchObject({ code: 'editor-failed' });
    untouched(node);
    expect(copies(node)).toEqual([]);
  });

  test('after something was saved: the copy is kept, and its path told', async () => {
    const node = new FakeNode(PRISTINE);
    const error = await edit(node, [failing(GOOD)]).catch((thrown: unknown) => thrown as UserError);
    untouched(node);
    const [copy = ''] = copies(node);
    expect(node.fs.text(copy)).toBe(GOOD);
    expect(error).toMatchObject({ code: 'editor-failed', message: expect.stringContaining(copy) });
  });
});

describe('somebody else changes the manifest meanwhile', () => {
  const theirs = PRISTINE.replace('failureThreshold: 24', 'failureThreshold: 25');
  const meanwhile =
    (text: string): Saving =>
    (node, path) => {
      node.fs.put(path, GOOD);
      node.fs.put(MANIFEST, text);
      node.pass(40_000);
    };

  test('refused, with their change; merged on request, and checked again', async () => {
    const node = new FakeNode(PRISTINE);
    const { questions, shown, outcome } = await edit(node, [meanwhile(theirs)], ['a', 'm', 'a']);
    expect(shown[0]).toMatchObject([
      { code: 'manifest-changed-meanwhile', detail: expect.stringContaining('+      failureThreshold: 25') },
    ]);
    expect(questions[0]).toBe('(e)dit again, (d)iff, (m)erge, (q)uit? ');
    expect(outcome.outcome).toBe('kept');
    expect(node.manifest()).toBe(theirs.replace('cpu: 250m', 'cpu: 251m'));
  });

  test('between the check and the write: found under the lock, and asked again', async () => {
    const node = new FakeNode(PRISTINE);
    const apply = (): string => {
      node.fs.put(MANIFEST, theirs);
      node.pass(40_000);
      return 'a';
    };
    const { questions, outcome } = await edit(node, [GOOD], [apply, 'q']);
    expect(questions[1]).toContain('(m)erge');
    expect([outcome.outcome, node.manifest()]).toEqual(['refused', theirs]);
  });

  test('in the same lines: no merge is offered, and the copy is kept', async () => {
    const node = new FakeNode(PRISTINE);
    const { questions, opened } = await edit(node, [meanwhile(PRISTINE.replace('cpu: 250m', 'cpu: 900m'))], ['m', 'q']);
    expect(questions).toEqual(Array(2).fill('(e)dit again, (d)iff, (q)uit? '));
    expect(node.fs.text(opened[0] ?? '')).toBe(GOOD);
  });
});

test('a change that goes bad is rolled back, and what was typed is kept', async () => {
  const node = new FakeNode(PRISTINE);
  node.neverReady = true;
  const bad = PRISTINE.replace(/^( +- )--secure-port=.*$/m, '$&\n$1--audit-log-maxbackups=3');
  const ignore = new Set(['unknown-flag', 'api-not-ready']);
  const session = edit(node, [bad], ['a'], { ignore });
  node.neverReady = false;
  const { outcome, opened } = await session;
  expect(outcome).toMatchObject({ outcome: 'rolled-back', cause: { code: 'unknown-flag' } });
  expect([node.manifest(), node.fs.text(opened[0] ?? '')]).toEqual([PRISTINE, bad]);
  expect(outcome.notes.join()).toContain(opened[0]);
});

test('locked by somebody else: told, and the copy is kept', async () => {
  const node = new FakeNode(PRISTINE);
  const other = node.ports();
  const apply = (): string => {
    void other.lock.acquire({ pid: 1, what: 'enable', since: 'x' });
    return 'a';
  };
  const error = await edit(node, [GOOD], [apply]).catch((thrown: unknown) => thrown as UserError);
  expect(error).toMatchObject({ code: 'locked', message: expect.stringContaining(copies(node)[0] ?? '-') });
  untouched(node);
});

test('--dry-run shows how it would go, and keeps the copy', async () => {
  const node = new FakeNode(PRISTINE);
  const { outcome } = await edit(node, [GOOD], ['a'], { dryRun: true });
  untouched(node);
  expect(outcome.outcome).toBe('planned');
  expect(copies(node)).toHaveLength(1);
});

describe('a manifest that a hand edit has broken', () => {
  const BROKEN = PRISTINE.replace('  hostNetwork: true', '\thostNetwork: true');

  test('opens as it stands, and the mended one goes the safe way', async () => {
    const node = new FakeNode(PRISTINE);
    node.fs.put(MANIFEST, BROKEN, { mode: 0o600 });
    const seen: string[] = [];
    const { outcome, questions } = await edit(
      node,
      [
        (at, path) => {
          seen.push(at.fs.text(path) ?? '');
          at.fs.put(path, GOOD);
        },
      ],
      ['a'],
    );
    expect(seen).toEqual([BROKEN]);
    expect(questions).toEqual(['(e)dit again, (d)iff, (a)pply, (q)uit? ']);
    expect(outcome).toMatchObject({
      outcome: 'kept',
      notes: expect.arrayContaining([expect.stringContaining('Tabs')]),
    });
    expect(node.manifest()).toBe(GOOD);
  });

  test('still broken: its own error is told, and nothing can be applied', async () => {
    const node = new FakeNode(PRISTINE);
    node.fs.put(MANIFEST, BROKEN, { mode: 0o600 });
    const { shown, questions } = await edit(node, [`${BROKEN}# x\n`], ['q']);
    expect(shown[0]).toMatchObject([{ code: 'manifest-syntax' }]);
    expect(questions).toEqual(['(e)dit again, (d)iff, (q)uit? ']);
    expect(node.manifest()).toBe(BROKEN);
  });
});

test.each<[string, (node: FakeNode, path: string) => unknown, string]>([
  ['in another encoding', (node, path) => node.fs.put(path, Buffer.from([0xff, 0xfe, 0x61])), 'not-text'],
  [
    'as a link',
    async (node, path) => {
      node.fs.put('/root/mine.yaml', GOOD);
      await node.fs.unlink(path);
      node.fs.putLink(path, '/root/mine.yaml');
    },
    'is-symlink',
  ],
])('saved %s: told, and the editor can be opened again', async (_name, save, code) => {
  const node = new FakeNode(PRISTINE);
  const mend = async (at: FakeNode, path: string): Promise<void> => {
    await at.fs.unlink(path);
    at.fs.put(path, GOOD);
  };
  const { shown, questions, outcome } = await edit(node, [save, mend], ['e', 'a']);
  expect(shown[0]).toMatchObject([{ code, severity: 'error' }]);
  expect(questions[0]).toBe('(e)dit again, (d)iff, (q)uit? ');
  expect([outcome.outcome, node.manifest()]).toEqual(['kept', GOOD]);
});

test('that nothing could be rehearsed is said before it is applied', async () => {
  const node = new FakeNode(PRISTINE);
  const { shown } = await edit(node, [GOOD], ['a'], { rehearse: true });
  expect(shown[0]).toMatchObject([{ code: 'not-rehearsed', severity: 'warning' }]);
});
