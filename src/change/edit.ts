/**
 * `edit`: visudo for the API server's manifest. The editor works on a copy, far from the manifests folder; what is saved is
 * checked like any other change, and goes the same safe way.
 *
 * The rule it keeps: what the user typed is never lost. Whenever it was not applied, the copy stays, and its path is told.
 */
import { UserError } from '../core/errors';
import { step, question, type Review, type State } from '../core/edit/session';
import type { Finding } from '../core/finding';
import { mergeText, unifiedDiff } from '../core/manifest/diff';
import type { Outcome } from '../core/outcome';
import { applyChange, type ChangeRequest } from './apply';
import {
  decodeText,
  lossyText,
  MANIFEST_LIMIT,
  readRawManifest,
  type LiveManifest,
  type RawManifest,
} from './manifest';
import { asFinding, planApplyChange } from './plans/apply-file';
import type { Plan } from './plan';
import type { Ports } from './ports';

/** The user's editor. Never rejects but with a UserError, for one that cannot be started. */
export interface Editor {
  /** What it is called, for the talk. */
  readonly name: string;
  /** Where the user finds a file of the node: below --root, where that is given. */
  locate(path: string): string;
  /** Opens a file of the node, and waits; answers how it ended when it did not end well. */
  open(path: string): Promise<{ state: 'ended' } | { state: 'failed'; how: string }>;
}

/** The person at the terminal. */
export interface Person {
  show(findings: readonly Finding[]): void;
  showDiff(diff: string): void;
  /** A line; undefined at the end of the input, and when the signal fires. */
  ask(question: string, signal: AbortSignal): Promise<string | undefined>;
}

export async function editManifest(
  ports: Ports,
  request: Omit<ChangeRequest, 'command' | 'plan'>,
  editor: Editor,
  person: Person,
): Promise<Outcome> {
  const session = await begin(ports, request, editor);
  let state: State = { at: 'editing' };
  try {
    while (state.at !== 'over') state = await act(session, state, editor, person);
  } catch (error) {
    throw await withCopyKept(session, error);
  }
  return finish(session, state.how);
}

interface Session {
  ports: Ports;
  request: Omit<ChangeRequest, 'command' | 'plan'>;
  folder: string;
  copy: string;
  /** What the user would type for it. */
  shown: string;
  /** The manifest that the copy was made from, readable or not: to mend one is what an editor is for. */
  base: RawManifest & { text: string };
  /** As last saved. */
  text: string;
  /** Why what the editor left cannot be taken for a text. */
  unreadable: UserError | undefined;
  /** The manifest as somebody else left it meanwhile. */
  theirs: LiveManifest | undefined;
  outcome: Outcome;
}

async function begin(ports: Ports, request: Session['request'], editor: Editor): Promise<Session> {
  const raw = await readRawManifest(ports.files, request.manifestPath);
  const base = { ...raw, text: lossyText(raw) };
  const folder = `${request.stateDir}/edit/${ports.clock.token(6)}`;
  // The manifest's own name: editors know by it that this is YAML.
  const copy = `${folder}/${base.path.slice(base.folder.length + 1)}`;
  const outcome: Outcome = { outcome: 'unchanged', ...nothing(base.path) };
  const shown = editor.locate(copy);
  const session = {
    ports,
    request,
    folder,
    copy,
    shown,
    base,
    text: base.text,
    unreadable: undefined,
    theirs: undefined,
    outcome,
  };
  await ports.files.makeFolder(folder, 0o700);
  try {
    await save(session, base.text);
  } catch (error) {
    await ports.files.removeTree(folder).catch(() => undefined);
    throw error;
  }
  return session;
}

async function act(session: Session, state: State, editor: Editor, person: Person): Promise<State> {
  const { ports } = session;
  switch (state.at) {
    case 'editing': {
      await openEditor(session, editor);
      session.unreadable = undefined;
      const text = await saved(session).catch((error: unknown) => {
        // An editor set to another encoding, or one that leaves a link: to be asked again, not to be thrown out.
        if (!(error instanceof UserError)) throw error;
        session.unreadable = error;
        return undefined;
      });
      if (session.unreadable) return step(state, { kind: 'saved', changed: true, empty: false });
      session.text = text ?? '';
      return step(state, { kind: 'saved', changed: text !== session.base.text, empty: session.text.trim() === '' });
    }
    case 'checking': {
      session.outcome = session.unreadable
        ? { outcome: 'refused', ...nothing(session.base.path), findings: [asFinding(session.unreadable)] }
        : await attempt(session, true);
      const review = reviewOf(session);
      person.show([...session.outcome.findings, ...notRehearsed(session.outcome)]);
      return step(state, { kind: 'checked', review, same: session.outcome.outcome === 'unchanged' });
    }
    case 'asking':
      return step(state, {
        kind: 'answered',
        answer: await person.ask(question(state.review), ports.interrupts.first),
      });
    case 'showing-diff':
      person.showDiff(unifiedDiff(session.base.text, session.text, { file: session.base.path }));
      return step(state, { kind: 'shown' });
    case 'merging': {
      const merged = session.theirs && mergeWith(session, session.theirs);
      if (session.theirs && merged?.ok) {
        session.base = session.theirs;
        await save(session, merged.text);
      }
      return step(state, { kind: 'merged' });
    }
    case 'applying': {
      session.outcome = await attempt(session, session.request.dryRun);
      if (session.outcome.outcome !== 'refused') return step(state, { kind: 'applied' });
      person.show(session.outcome.findings);
      return step(state, { kind: 'refused', review: reviewOf(session) });
    }
    case 'over':
      return state;
  }
}

/** Said before (a)pply is offered: that nothing was found need not mean that anything was tried. */
function notRehearsed({ outcome, rehearsal }: Outcome): Finding[] {
  if (outcome !== 'planned' || rehearsal?.state !== 'not-possible' || rehearsal.cause) return [];
  return [
    {
      code: 'not-rehearsed',
      severity: 'warning',
      title: rehearsal.summary,
      detail: 'What only the server itself can find would be found after the write, by the watch.',
      remedy: ['a look at docs/rehearsal.md tells what it needs; to apply all the same: a'],
    },
  ];
}

async function openEditor({ copy }: Session, editor: Editor): Promise<void> {
  const ended = await editor.open(copy);
  if (ended.state === 'ended') return;
  throw new UserError('editor-failed', `${editor.name} ${ended.how}; nothing was changed`, {
    hints: ['to choose another one: EDITOR=nano kube-auditctl edit'],
  });
}

/** What stops a session must not lose what was typed; where nothing was, nothing is left behind. */
async function withCopyKept(session: Session, error: unknown): Promise<unknown> {
  const { ports, folder, shown, base } = session;
  const text = await saved(session).catch(() => '?');
  if (text === undefined || text.trim() === '' || text === base.text) {
    await ports.files.removeTree(folder).catch(() => undefined);
    return error;
  }
  if (!(error instanceof UserError)) return error;
  return new UserError(error.code, `${error.message}; what you edited is kept in ${shown}`, {
    ...(error.place ? { place: error.place } : {}),
    hints: [...error.hints, `kube-auditctl apply -f ${shown}`],
    cause: error,
  });
}

/** The copy as it stands; undefined when the editor has removed it. */
async function saved({ ports, copy }: Session): Promise<string | undefined> {
  if (!(await ports.files.look(copy))) return undefined;
  return decodeText((await ports.files.read(copy, MANIFEST_LIMIT)).bytes, copy);
}

async function save(session: Session, text: string): Promise<void> {
  const { uid, gid } = session.base.image;
  session.text = text;
  await session.ports.files.writeAtomic(session.copy, { bytes: new TextEncoder().encode(text), mode: 0o600, uid, gid });
}

/** Makes the change, or (`dryRun`) tells how it would go. What cannot be read as a pod is a refusal here: it can be mended. */
async function attempt(session: Session, dryRun: boolean): Promise<Outcome> {
  const { ports, request, base } = session;
  const plan = (live: LiveManifest): Promise<Plan> => Promise.resolve(planEdit(session, live));
  try {
    return await applyChange(ports, {
      ...request,
      command: 'edit',
      plan,
      whole: () => ({ bytes: new TextEncoder().encode(session.text), from: session.shown }),
      dryRun,
    });
  } catch (error) {
    if (!(error instanceof UserError) || !OF_THE_TEXT.test(error.code)) throw error;
    return { outcome: 'refused', ...nothing(base.path), findings: [asFinding(error)] };
  }
}

/** Errors that another look into the editor can mend. */
const OF_THE_TEXT = /^(?:manifest-(?!is-symlink)|other-pod$|not-text$)/;

function planEdit(session: Session, live: LiveManifest): Plan {
  const { base, shown, text } = session;
  const changed = live.sha256 !== base.sha256;
  session.theirs = changed ? live : undefined;
  if (changed) {
    const findings = [changedMeanwhile(session, live)];
    return { manifestText: live.text, others: [], folders: [], changes: [], findings, notes: [] };
  }
  const plan = planApplyChange(live, { bytes: new TextEncoder().encode(text), from: shown });
  return { ...plan, changes: plan.changes.map((change) => change.replace(` by ${shown}`, ' as edited')) };
}

function changedMeanwhile(session: Session, live: LiveManifest): Finding {
  return {
    code: 'manifest-changed-meanwhile',
    severity: 'error',
    title: `${live.path} was changed by somebody else while it was being edited`,
    detail: unifiedDiff(session.base.text, live.text, { file: live.path }).trimEnd(),
    remedy: mergeWith(session, live).ok
      ? ['m merges that change into your copy, and checks it again']
      : ['both changed the same lines: quit, and edit again; your copy is kept'],
  };
}

function mergeWith({ base, text }: Session, live: LiveManifest): ReturnType<typeof mergeText> {
  return mergeText({ base: base.text, current: live.text, target: text });
}

function reviewOf(session: Session): Review {
  return {
    errors: session.outcome.findings.some(({ severity }) => severity === 'error'),
    mergeable: session.theirs !== undefined && mergeWith(session, session.theirs).ok,
  };
}

async function finish(session: Session, how: Extract<State, { at: 'over' }>['how']): Promise<Outcome> {
  const { ports, folder, shown, base } = session;
  const drop = (): Promise<void> => ports.files.removeTree(folder).catch(() => undefined);
  switch (how) {
    case 'unchanged':
      await drop();
      return {
        outcome: 'unchanged',
        ...nothing(base.path),
        notes: [
          'the file was not changed',
          'an editor that returns at once needs an option to wait, such as `code --wait`',
        ],
      };
    case 'emptied':
      await drop();
      return {
        outcome: 'refused',
        ...nothing(base.path),
        findings: [
          {
            code: 'manifest-empty',
            severity: 'error',
            title: 'the file was saved empty, or removed; nothing was changed',
            remedy: ['kube-auditctl edit'],
          },
        ],
      };
    case 'quit':
      return {
        outcome: 'refused',
        ...nothing(base.path),
        notes: ['you quit; nothing was changed', keptAt(shown)],
      };
    case 'applied': {
      const { outcome } = session;
      if (outcome.outcome === 'kept' || outcome.outcome === 'unchanged') {
        await drop();
        return outcome;
      }
      return { ...outcome, notes: [...outcome.notes, keptAt(shown)] };
    }
  }
}

function keptAt(shown: string): string {
  return `what you edited is kept: kube-auditctl apply -f ${shown}`;
}

function nothing(manifestPath: string) {
  return { manifestPath, diffs: [], changes: [], findings: [], notes: [] };
}
