/** systemd, the journal, and the container runtime's own tools. Rule: asked in one bounded call each, never followed. */
import { messageOf, UserError } from '../../core/errors';
import type { LogLine } from '../../core/evidence';
import type { UnitState } from '../../core/diagnosis/node-sight';
import { hasCode } from '../file-errors';
import { createJournalLines, parseEntry } from '../journal-lines';
import { run, type Ran } from '../run';

export type Execute = (program: string, args: readonly string[]) => Promise<Ran>;

const execute: Execute = (program, args) => run(program, args, { timeoutMs: 9000 });

export async function readJournal(
  root: string,
  unit: string,
  since: number,
  most: number,
  exec: Execute = execute,
): Promise<{ lines: readonly LogLine[]; note?: string }> {
  const where = root === '/' ? [] : [`--root=${root}`];
  try {
    const { code, stdout, stderr } = await exec('journalctl', [
      ...where,
      '--quiet',
      '--unit',
      unit,
      '--output=json',
      '--all',
      `--since=@${Math.floor(since / 1000)}`,
      // With a time to begin at, systemd up to 252 at least counts the lines from there: the oldest, not the newest.
      '--reverse',
      `--lines=${most}`,
    ]);
    if (code !== 0) return { lines: [], note: stderr.trim() || `journalctl: exit code ${code}` };
    return { lines: journalLines(stdout.split('\n').reverse(), most) };
  } catch (error) {
    return { lines: [], note: hasCode(error, 'ENOENT') ? 'there is no journalctl here' : messageOf(error) };
  }
}

/** A kubelet that starts says so within this time: a journal without a word of it begins later. */
const FIRST_WORDS_MS = 15_000;
const PIECE_MS = 300_000;
const MOST_PIECES = 12;
const PIECE_LINES = 5000;
/** All pieces together; an eye has ten seconds. */
const PIECES_LIMIT_MS = 6000;

/**
 * The newest entry of a unit since a time that matches, however much it has written since: the journal itself is asked. A
 * journalctl without pattern matching is read from the start on in pieces instead, as far as there is time.
 * @param pattern of the kind that PCRE and JavaScript read alike.
 */
export async function searchJournal(
  root: string,
  unit: string,
  since: number,
  pattern: string,
  now: number,
  exec: Execute = execute,
): Promise<{ line?: LogLine; whole: boolean }> {
  const where = root === '/' ? [] : [`--root=${root}`];
  const ask = async (...more: string[]): Promise<{ failed: boolean; lines: LogLine[] }> => {
    const { code, stdout, stderr } = await exec('journalctl', [
      ...[...where, '--quiet', '--unit', unit, '--output=json', '--all', ...more],
    ]);
    const entries = stdout.split('\n').flatMap((json) => parseEntry(json) ?? []);
    // Nothing found is an exit code in some releases, and none in others; only a complaint is a failure.
    return { failed: code !== 0 && stderr.trim() !== '', lines: entries.map(({ at, text }) => ({ at, text })) };
  };
  const from = (at: number): string => `--since=@${Math.floor(at / 1000)}`;
  const until = (at: number): string => `--until=@${Math.ceil(at / 1000)}`;
  try {
    const first = await ask(from(since), until(since + FIRST_WORDS_MS), '--lines=1');
    const begun = !first.failed && first.lines.length > 0;
    const found = await ask(from(since), `--grep=${pattern}`, '--lines=1');
    const line = found.lines.at(-1);
    if (!found.failed) return { ...(line && line.at >= since ? { line } : {}), whole: begun };
    return {
      ...(await inPieces(ask, { from, until }, since, new RegExp(pattern), now)),
      ...(begun ? {} : { whole: false }),
    };
  } catch {
    return { whole: false };
  }
}

async function inPieces(
  ask: (...more: string[]) => Promise<{ failed: boolean; lines: LogLine[] }>,
  { from, until }: Record<'from' | 'until', (at: number) => string>,
  since: number,
  pattern: RegExp,
  now: number,
): Promise<{ line?: LogLine; whole: boolean }> {
  const begun = performance.now();
  let at = since;
  for (let piece = 0; piece < MOST_PIECES && at < now; piece++, at += PIECE_MS) {
    if (performance.now() - begun > PIECES_LIMIT_MS) break;
    const { failed, lines } = await ask(from(at), until(at + PIECE_MS), `--lines=${PIECE_LINES}`);
    const line = lines.findLast((each) => each.at >= since && pattern.test(each.text));
    if (line) return { line, whole: true };
    if (failed || lines.length >= PIECE_LINES) return { whole: false };
  }
  return { whole: at >= now };
}

/** @param json what `journalctl --output=json` prints, a line each, oldest first. */
export function journalLines(json: readonly string[], most: number): readonly LogLine[] {
  const lines = createJournalLines();
  for (const each of json) {
    const entry = parseEntry(each);
    if (entry) lines.add({ at: entry.at, text: entry.text });
  }
  return lines.all().slice(-most);
}

const PROPERTIES = ['LoadState', 'ActiveState', 'SubState', 'Result', 'ExecMainStatus', 'NRestarts'];

/** Undefined where systemd is not the node's own, or not there. */
export async function readUnit(root: string, name: string, exec: Execute = execute): Promise<UnitState | undefined> {
  if (root !== '/') return undefined;
  try {
    const { code, stdout } = await exec('systemctl', ['show', name, `--property=${PROPERTIES.join(',')}`]);
    if (code !== 0) return undefined;
    const value = new Map(stdout.split('\n').map((line) => [line.replace(/=.*$/s, ''), line.replace(/^[^=]*=/, '')]));
    const number = (key: string): number | undefined => {
      const found = value.get(key);
      return found === undefined || found === '' ? undefined : Number(found);
    };
    const [exitStatus, restarts, result] = [number('ExecMainStatus'), number('NRestarts'), value.get('Result')];
    const active = value.get('ActiveState');
    if (active === undefined) return undefined;
    return {
      name,
      load: value.get('LoadState') ?? '',
      active,
      sub: value.get('SubState') ?? '',
      ...(result === undefined ? {} : { result }),
      ...(exitStatus === undefined ? {} : { exitStatus }),
      ...(restarts === undefined ? {} : { restarts }),
    };
  } catch {
    return undefined;
  }
}

/** `systemctl start kubelet`. Rejects with UserError `unit-not-started`. */
export async function controlUnit(
  root: string,
  verb: 'start' | 'restart',
  name: string,
  exec: Execute = execute,
): Promise<void> {
  const refused = (why: string): UserError =>
    new UserError('unit-not-started', `systemctl ${verb} ${name}: ${why}`, {
      hints: [`systemctl status ${name}`, `journalctl -u ${name} -n 50`],
    });
  if (root !== '/') throw refused(`the node's file system lies under ${root}: its systemd is not ours`);
  let ran: Ran;
  try {
    ran = await exec('systemctl', [verb, name]);
  } catch (error) {
    throw refused(messageOf(error));
  }
  if (ran.code !== 0) throw refused(ran.stderr.trim() || `exit code ${ran.code}`);
}

/**
 * Ends and removes the sandboxes of pods: with crictl where it is there, otherwise with containerd's ctr, container by
 * container. Answers what was left, in words.
 */
export async function removePods(uids: readonly string[], exec: Execute = execute): Promise<string[]> {
  const left: string[] = [];
  for (const uid of uids) {
    try {
      await withCrictl(uid, exec);
    } catch (error) {
      if (!hasCode(error, 'ENOENT')) {
        left.push(`pod ${uid}: ${messageOf(error)}`);
        continue;
      }
      await withCtr(uid, exec).catch((second: unknown) => {
        left.push(`pod ${uid}: ${hasCode(second, 'ENOENT') ? 'neither crictl nor ctr is here' : messageOf(second)}`);
      });
    }
  }
  return left;
}

async function withCrictl(uid: string, exec: Execute): Promise<void> {
  const found = await must(exec, 'crictl', ['pods', '--quiet', '--label', `io.kubernetes.pod.uid=${uid}`]);
  for (const id of words(found)) {
    await must(exec, 'crictl', ['stopp', id]);
    await must(exec, 'crictl', ['rmp', '--force', id]);
  }
}

async function withCtr(uid: string, exec: Execute): Promise<void> {
  const space = ['--namespace', 'k8s.io'];
  const filter = `labels."io.kubernetes.pod.uid"==${uid}`;
  const found = await must(exec, 'ctr', [...space, 'containers', 'list', '--quiet', filter]);
  for (const id of words(found)) {
    // A task that has ended is not there to be killed.
    await exec('ctr', [...space, 'tasks', 'kill', '--signal', 'SIGKILL', id]);
    await exec('ctr', [...space, 'tasks', 'delete', '--force', id]);
    await must(exec, 'ctr', [...space, 'containers', 'delete', id]);
  }
}

async function must(exec: Execute, program: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await exec(program, args);
  if (code !== 0) throw new Error(`${program} ${args.slice(0, 3).join(' ')}: ${stderr.trim() || `exit code ${code}`}`);
  return stdout;
}

function words(text: string): string[] {
  return text.split(/\s+/).filter(Boolean);
}
