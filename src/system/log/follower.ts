/**
 * One log as it is written, across what rotates it. Rule: a file is left only when what comes after it has been opened, all of
 * it from one look at the folder; and it is still looked at for a while, since whoever writes may not know of the rotation yet.
 */
import { lstatSync, readdirSync, readlinkSync, realpathSync, statSync, type Stats } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { nameFile, type NamedFile } from '../../core/auditlog/files';
import type { Filter } from '../../core/auditlog/filter';
import { messageOf } from '../../core/errors';
import type { LogEvent } from '../../change/log';
import { explain, hasCode } from '../file-errors';
import {
  beginsLike,
  headOf,
  isAt,
  isGzip,
  isSame,
  LiveFile,
  PackedFile,
  statOf,
  TELLING,
  type Identity,
  type Progress,
  type Source,
} from './live-file';
import { folderOf, type LiveLog } from './live-logs';
import { OnceEach } from './once-each';
import { PieceScanner } from './scan-piece';

/** Of the files that were read to their end, so many are known again under any name. */
const MOST_LEFT = 16;
/** So many of them may still be written to. */
const MOST_TRAILING = 2;
/** A line that is begun in such a file is given up after so long. */
const HALF_MS = 10_000;
const MOST_HEADS = 10_000;
/** Looks at a folder that changes all the time. */
const ATTEMPTS = 200;

interface Listed {
  path: string;
  order: number;
  dev: number;
  ino: number;
  size: number;
  mtimeMs: number;
  ctimeMs: number;
}

/** What was there before the file that is read now. */
interface Known {
  /** Where a link led to: what lies elsewhere is not known at all. */
  log: string;
  /** undefined: some of them are not known yet. */
  looks: string | undefined;
  names: ReadonlySet<string>;
  numbered: readonly Identity[];
}

/** A file that was left, with what is begun in it. */
interface Trailing {
  file: LiveFile;
  scanner: PieceScanner | undefined;
  halfSince: number | undefined;
}

interface Opened {
  sources: Source[];
  unread: string[];
}

export class Follower {
  live: LiveLog;
  readonly #say: (message: string) => void;
  readonly #once: OnceEach;
  readonly #filter: Filter;
  readonly #scanner: PieceScanner;
  #damaged = 0;
  #ours: Source | undefined;
  /** What is to be read after ours; the file that is written to is the last one. */
  #next: Source[] = [];
  #trailing: Trailing[] = [];
  #known: Known = { log: '', looks: undefined, names: new Set(), numbered: [] };
  #left: Identity[] = [];
  readonly #heads = new Map<string, Buffer>();
  /** A file that is there and cannot be read yet, and where to begin in it. */
  #begin: Stats | undefined;
  #trouble = '';

  constructor(live: LiveLog, filter: Filter, onEvent: (event: LogEvent) => void, say: (message: string) => void) {
    this.live = live;
    this.#say = say;
    this.#filter = filter;
    this.#once = new OnceEach(filter, onEvent);
    this.#scanner = this.#newScanner();
  }

  /** That of its name, and where the name is a link, that of the file. */
  get folders(): string[] {
    return [...new Set([folderOf(this.live), this.#place().folder])];
  }

  get damaged(): number {
    const trailing = this.#trailing.map(({ scanner }) => scanner?.stats.damaged ?? 0);
    return trailing.reduce((sum, each) => sum + each, this.#damaged + this.#scanner.stats.damaged);
  }

  /** Nothing will come of it any more, unless somebody holds the file that has no name. */
  get isGone(): boolean {
    return this.#next.length === 0 && (this.#ours instanceof LiveFile ? this.#ours.stat().nlink === 0 : true);
  }

  /** Whether this is one of our files by another name, or a copy of it. */
  has(path: string): boolean {
    const stat = statOf(path);
    if (stat === undefined) return false;
    const head = headOf(path);
    return [this.#ours, ...this.#next, ...this.#trailing.map(({ file }) => file)].some(
      (file) => file instanceof LiveFile && (file.is(stat) || beginsLike(file.identity.head, head)),
    )
      ? true
      : this.#left.some((left) => beginsLike(left.head, head));
  }

  /** From the end on: what was there before is `log query`'s. */
  begin(): void {
    // Asked before it is told that there is none: whoever hears that may write the first lines at once, and they are ours.
    const before = statOf(this.#current());
    const { files, made } = this.#settled(
      () => this.#tryOpen(this.#current()),
      (file) => file?.close(),
    );
    this.#know(files, made?.identity.head);
    if (made === undefined) this.#begin = before;
    else made.toEnd();
    this.#ours = made;
  }

  /** From the first line on: the log is a new one. What is gzipped is not. */
  beginNew(): void {
    this.#know(
      this.#list().filter(({ path }) => isGzip(path)),
      undefined,
    );
  }

  /** @param now of a clock that nobody sets. @returns whether there is more to be read at once. */
  async look(now: number): Promise<boolean> {
    const isTrailing = this.#trail(now);
    const isMore = (await this.#lookAtOurs()) || isTrailing;
    // While there is more, the end that is waited for may be in it: whoever takes the events was slow, not the request.
    this.#once.overdue(isMore ? -Infinity : now);
    return isMore;
  }

  close(): void {
    this.#ours?.close();
    for (const each of this.#next.splice(0)) if (each !== this.#ours) each.close();
    for (const { file } of this.#trailing.splice(0)) file.close();
    this.#ours = undefined;
  }

  async #lookAtOurs(): Promise<boolean> {
    this.#ours ??= this.#next.shift() ?? this.#open();
    const ours = this.#ours;
    if (ours === undefined) return false;
    const progress = await this.#read(ours);
    if (progress === 'more') return true;
    if (ours instanceof PackedFile || this.#next.length > 0) {
      this.#leave(ours);
      return true;
    }
    if (progress === 'rewritten') return this.#rewritten(ours);
    const current = this.#current();
    const named = this.#lookAt(current);
    // What was written to ours after our look, before the rename, is read before it is left.
    return named !== undefined && !ours.is(named) && this.#line(current, ours);
  }

  async #read(source: Source): Promise<Progress> {
    const { lines } = this.#scanner;
    try {
      if (source instanceof PackedFile) return await source.read(lines);
      return source.read(lines, () => this.#isWhole(source));
    } catch (error) {
      this.#tellOf(messageOf(explain(error, 'read', source.path)));
      return 'end';
    }
  }

  /**
   * Whether nothing was copied away from a file of which too little was read to see that it was emptied: then new files beside
   * it tell.
   */
  #isWhole(ours: LiveFile): boolean {
    if (!ours.isVague || this.#next.length > 0) return true;
    const { files } = this.#settled(() => undefined);
    if (looksOf(files) === this.#known.looks) return true;
    const named = statOf(this.#current());
    if (named === undefined || !ours.is(named)) return true;
    return this.#copied(files, ours, ours.identity.head).length === 0;
  }

  /** What is new beside a file that is emptied again and again, without what is just being copied: it begins as the file does. */
  #copied(files: readonly Listed[], ours: LiveFile, head: Buffer): Listed[] {
    return this.#fresh(files, ours, ours.head).filter((file) => !beginsLike(head, this.#headOf(file)));
  }

  /** Copied and emptied (logrotate's copytruncate): what we had not read yet is in the copy, or in several. */
  #rewritten(ours: LiveFile): boolean {
    const { files, made } = this.#settled(
      (all) => {
        const { head } = ours.identity;
        const copyAt = all.findLastIndex((file) => this.#isCopy(file, ours));
        const copy = all[copyAt];
        const since = this.#copied(all, ours, head).filter((file) => all.indexOf(file) > copyAt);
        const { sources, unread } = this.#openAll(since);
        // A copy that ends before what we have read: whoever copied was slower than we are.
        if (copy !== undefined && (isGzip(copy.path) || copy.size > ours.position)) {
          const first = this.#openAll([copy], ours);
          sources.unshift(...first.sources);
          unread.push(...first.unread);
        }
        return { sources, unread, head, isCopied: copy !== undefined };
      },
      ({ sources }) => {
        for (const source of sources) source.close();
      },
    );
    if (!made.isCopied && ours.position > 0) {
      this.#say(`${this.live.path} was written anew, and there is no copy of it: events just before may be missing`);
      if (ours.isUnchanged()) this.#scanner.lines.forget();
      else this.#scanner.lines.end();
    }
    this.#tellUnread(made.unread);
    ours.startAt(0);
    this.#next = [...made.sources, ours];
    this.#ours = undefined;
    this.#know(files, made.head);
    return true;
  }

  #isCopy(file: Listed, ours: LiveFile): boolean {
    const { mark, position } = ours;
    if (beginsLike(ours.head, this.#headOf(file))) return true;
    if (isGzip(file.path)) return ours.head[0] === 0 && !this.#isKnown(file);
    return mark.length > 0 && (!ours.isVague || !this.#isKnown(file)) && isAt(file.path, mark, position);
  }

  /**
   * Lines up what comes after ours, the file that is written to now as the last one. All are opened from one look: were they
   * opened later, another rotation could have come in between, and what it rotated would be missed.
   */
  #line(current: string, ours: LiveFile): boolean {
    const { files, made } = this.#settled(
      (all) => {
        const last = this.#tryOpen(current, true);
        if (last === undefined) return undefined;
        const { head } = ours.identity;
        const since = this.#fresh(all, ours, head).filter((file) => !last.is(file));
        // Of a file that was gzipped with nothing in it there is nothing to know it by.
        const isFound =
          head.length < TELLING || all.some((file) => ours.is(file) || beginsLike(head, this.#headOf(file)));
        return { ...this.#openAll(since), last, isFound };
      },
      (opened) => {
        opened?.last.close();
        for (const source of opened?.sources ?? []) source.close();
      },
    );
    if (made === undefined) return false;
    if (!made.isFound && made.sources.length > 0)
      this.#say(`${this.live.path}: older files were removed before they could be read: events may be missing`);
    this.#tellUnread(made.unread);
    this.#next = [...made.sources, made.last];
    this.#know(files, made.last.identity.head);
    return true;
  }

  #leave(ours: Source): void {
    this.#ours = undefined;
    const { lines } = this.#scanner;
    if (ours instanceof PackedFile) {
      lines.end();
      ours.close();
      return;
    }
    this.#left = [ours.identity, ...this.#left].slice(0, MOST_LEFT);
    if (ours.hasHalf && isJson(ours.half())) lines.end();
    else if (ours.hasHalf) {
      // Its rest comes in the same file, or never.
      lines.forget();
      ours.backToLine();
    }
    this.#trailing.push({ file: ours, scanner: undefined, halfSince: undefined });
    while (this.#trailing.length > MOST_TRAILING) this.#finish(this.#trailing.shift() as Trailing);
  }

  /** Whoever writes may hold a file that was renamed until it is told to open its log anew. */
  #trail(now: number): boolean {
    let isMore = false;
    for (const trailing of [...this.#trailing]) {
      const { file } = trailing;
      const { size, nlink } = file.stat();
      let progress: Progress = 'end';
      if (size > file.position) {
        trailing.scanner ??= this.#newScanner();
        progress = this.#readTrailing(file, trailing.scanner);
      }
      if (progress === 'more') isMore = true;
      trailing.halfSince = file.hasHalf ? (trailing.halfSince ?? now) : undefined;
      const isOver = trailing.halfSince !== undefined && now - trailing.halfSince > HALF_MS;
      // Held any longer, a file that was removed would go on filling the disk.
      if (isOver || progress === 'rewritten' || (nlink === 0 && progress === 'end')) {
        this.#trailing.splice(this.#trailing.indexOf(trailing), 1);
        this.#finish(trailing);
      }
    }
    return isMore;
  }

  #readTrailing(file: LiveFile, { lines }: PieceScanner): Progress {
    try {
      return file.read(lines);
    } catch {
      return 'rewritten';
    }
  }

  #finish({ file, scanner = this.#newScanner() }: Trailing): void {
    while (this.#readTrailing(file, scanner) === 'more');
    scanner.finish();
    scanner.lines.release();
    this.#damaged += scanner.stats.damaged;
    file.close();
  }

  #open(): LiveFile | undefined {
    const file = this.#tryOpen(this.#current());
    if (file === undefined) return undefined;
    if (this.#begin !== undefined && file.is(this.#begin)) file.toEnd(this.#begin.size);
    this.#begin = undefined;
    return file;
  }

  /** @param isRotating it is no news that it is away for a moment. */
  #tryOpen(path: string, isRotating = false): LiveFile | undefined {
    try {
      const file = new LiveFile(path);
      this.#trouble = '';
      return file;
    } catch (error) {
      const isAway = hasCode(error, 'ENOENT', 'ENOTDIR');
      if (isAway && isRotating) return undefined;
      this.#tellOf(isAway ? `${path} is not there` : messageOf(explain(error, 'read', path)));
      return undefined;
    }
  }

  /** @param copied the first one is a copy of that: read on in it. */
  #openAll(files: readonly Listed[], copied?: LiveFile): Opened {
    const opened: Opened = { sources: [], unread: [] };
    for (const { path } of files) {
      try {
        if (isGzip(path)) opened.sources.push(new PackedFile(path, copied?.position ?? 0, this.#say));
        else {
          const file = new LiveFile(path);
          if (copied !== undefined) file.startAt(copied.position, copied.lineStart);
          opened.sources.push(file);
        }
      } catch (error) {
        opened.unread.push(messageOf(explain(error, 'read', path)));
      }
    }
    return opened;
  }

  #tellUnread(unread: readonly string[]): void {
    for (const trouble of unread) this.#say(`${trouble}: its events are missing`);
  }

  /** Once, not ten times a second. */
  #tellOf(trouble: string): void {
    if (trouble !== this.#trouble) this.#say(`${trouble}: waiting for it`);
    this.#trouble = trouble;
  }

  #lookAt(path: string): Stats | undefined {
    try {
      return statSync(path);
    } catch (error) {
      if (!hasCode(error, 'ENOENT', 'ENOTDIR')) this.#tellOf(messageOf(explain(error, 'look at', path)));
      return undefined;
    }
  }

  /** Acts by the names in the folder; anew, if other files have these names by then. */
  #settled<T>(act: (files: readonly Listed[]) => T, undo?: (made: T) => void): { files: readonly Listed[]; made: T } {
    for (let attempt = 1; ; attempt++) {
      const files = this.#list();
      const made = act(files);
      // Read while the names are certain: a moment later a name may be another file's, which would then be taken for a known one.
      for (const file of files) this.#headOf(file);
      if (attempt === ATTEMPTS || namesOf(files) === namesOf(this.#list())) return { files, made };
      undo?.(made);
    }
  }

  /**
   * @param head of the file that is written to, as it was when they were chosen. What is copied from it just now is not known:
   * it is to be found when the file is emptied. The same goes for a copy in which there is nothing yet.
   */
  #know(files: readonly Listed[], head: Buffer = Buffer.alloc(0)): void {
    const whole = files.filter((file) => file.size >= TELLING && !beginsLike(head, this.#headOf(file)));
    this.#known = {
      log: this.#place().path,
      looks: whole.length === files.length ? looksOf(files) : undefined,
      names: new Set(whole.map(({ path }) => plainName(path))),
      numbered: whole.filter(({ order }) => order < 0).map((file) => this.#identityOf(file)),
    };
  }

  #identityOf(file: Listed): Identity {
    const { dev, ino, mtimeMs } = file;
    return { dev, ino, mtimeMs, head: this.#headOf(file) };
  }

  /** Once for a file: there may be thousands, and a rotation asks for all of them. */
  #headOf({ path, dev, ino, size, mtimeMs, ctimeMs }: Listed): Buffer {
    const key = [dev, ino, size, mtimeMs, ctimeMs].join(' ');
    let head = this.#heads.get(key);
    if (head === undefined) {
      head = headOf(path);
      // Renamed since it was listed, it is another file's, or none.
      if (statOf(path)?.ino !== ino) return head;
      if (this.#heads.size > MOST_HEADS) this.#heads.clear();
      this.#heads.set(key, head);
    }
    return head;
  }

  #isKnown(file: Listed): boolean {
    if (file.order >= 0) return this.#known.names.has(plainName(file.path));
    const identity = this.#identityOf(file);
    return this.#known.numbered.some((known) => isSame(known, identity));
  }

  /** Files that are new since `#known`, oldest first, without ours and its copies. @param head of ours. */
  #fresh(files: readonly Listed[], ours: LiveFile, head: Buffer): Listed[] {
    if (this.#known.log !== this.#place().path) return [];
    const paths = new Set(files.map(({ path }) => path));
    const at = files.findIndex((file) => ours.is(file));
    const found = at === -1 ? files.findIndex((file) => beginsLike(head, this.#headOf(file))) : at;
    const isNumbered = (files[found]?.order ?? 0) < 0;
    return files.filter((file, index) => {
      if (index === found || file.size < TELLING || this.#trailing.some((left) => left.file.is(file))) return false;
      // A gzip beside what it is made of may not be whole.
      if (isGzip(file.path) && paths.has(plainName(file.path))) return false;
      const isNew = file.order < 0 && isNumbered ? index > found : !this.#isKnown(file);
      return isNew && !beginsLike(head, this.#headOf(file));
    });
  }

  /** The name that is written to now: a container that starts anew gets a file of its own. */
  #current(): string {
    const { log, path } = this.live;
    if (!log.endsWith('/')) return path;
    return this.#named().findLast((file) => !isGzip(file.path))?.path ?? path;
  }

  /** Where the log lies by its real name, beside what is rotated of it. */
  #place(): { folder: string; path: string } {
    const { path } = this.live;
    const real = linkedTo(path) ?? path;
    return { folder: dirname(real), path: real };
  }

  #named(): NamedFile[] {
    const isContainer = this.live.log.endsWith('/');
    const { folder, path } = this.#place();
    const own = nameFile(path).log;
    return namesIn(folder)
      .map((name) => nameFile(join(folder, name)))
      .filter((file) => file.log === own)
      .filter((file) => isContainer || !own.endsWith('/') || basename(file.path).startsWith(basename(path)))
      .sort((a, b) => a.order - b.order || (a.path < b.path ? 1 : -1));
  }

  /** The files of this log that are there, oldest first, without the one that is written to. */
  #list(): Listed[] {
    const named = this.#named();
    const isContainer = this.live.log.endsWith('/');
    const current = isContainer ? named.findLast((file) => !isGzip(file.path))?.path : this.#place().path;
    return named.flatMap(({ path, order }) => {
      const stat = path === current ? undefined : statOf(path);
      if (stat?.isFile() !== true) return [];
      const { dev, ino, size, mtimeMs, ctimeMs } = stat;
      return [{ path, order, dev, ino, size, mtimeMs, ctimeMs }];
    });
  }

  #newScanner(): PieceScanner {
    return new PieceScanner(
      this.#filter,
      (scan) => {
        this.#once.add(scan);
      },
      { documents: false },
    );
  }
}

function namesOf(files: readonly Listed[]): string {
  return files.map(({ path, dev, ino }) => `${path} ${dev}:${ino}`).join('\n');
}

function looksOf(files: readonly Listed[]): string {
  return files.map(({ path, dev, ino, mtimeMs }) => `${path} ${dev}:${ino} ${mtimeMs}`).join('\n');
}

function plainName(path: string): string {
  return path.replace(/\.gz$/, '');
}

/** An event may lack nothing but its line break. */
function isJson(text: Buffer): boolean {
  try {
    JSON.parse(text.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}

/** undefined: it is no link. Also when it leads nowhere, for a moment. */
function linkedTo(path: string): string | undefined {
  try {
    if (!lstatSync(path).isSymbolicLink()) return undefined;
  } catch {
    return undefined;
  }
  try {
    return realpathSync(path);
  } catch {
    return resolve(dirname(path), readlinkSync(path));
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
