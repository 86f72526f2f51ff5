/**
 * Files as a program in a container has them. Rule: every path goes through the mounts, and every refusal names the path
 * as the program knows it, in Go's words. A mount's own rules (read-only, a file mounted alone) are kept here, because
 * the files behind it on this machine know nothing of them.
 */
import {
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  statSync,
  unlinkSync,
  type Stats,
} from 'node:fs';
import { posix } from 'node:path';
import type { Container, InsidePath } from '../container';
import { resolveInside } from '../container';
import { GoError, goError } from './go-errors';

export class ContainerFiles {
  readonly #container: Pick<Container, 'mounts' | 'rootfs'>;

  constructor(container: Pick<Container, 'mounts' | 'rootfs'>) {
    this.#container = container;
  }

  /** `open P: …`, or `read P: is a directory`, as os.ReadFile. */
  read(path: string): Buffer {
    try {
      const real = this.#at(path).path;
      if (statSync(real).isDirectory()) throw new GoError(`read ${path}`, 'EISDIR');
      return readFileSync(real);
    } catch (error) {
      if (error instanceof GoError) throw error;
      throw goError(`open ${path}`, error);
    }
  }

  /** undefined when there is none. */
  stat(path: string): Stats | undefined {
    try {
      return statSync(this.#at(path).path);
    } catch (error) {
      const refusal = goError(`stat ${path}`, error);
      if (refusal.errno === 'ENOENT') return undefined;
      throw refusal;
    }
  }

  /** Creates the file when it is not there; appends. @param mode of a new file. */
  openAppend(path: string, mode: number, more: { truncate?: boolean; create?: boolean } = {}): number {
    const { path: real, readOnly } = this.#at(path);
    const create = more.create ?? true;
    try {
      if (statSync(real, { throwIfNoEntry: false })?.isDirectory()) throw new GoError(`open ${path}`, 'EISDIR');
      if (readOnly) throw new GoError(`open ${path}`, create || existsSync(real) ? 'EROFS' : 'ENOENT');
      const made = create && !existsSync(real);
      const fd = openSync(real, constants.O_APPEND | constants.O_WRONLY | (create ? constants.O_CREAT : 0), mode);
      // The umask is the machine's, not the container's.
      if (made) chmodSync(real, mode);
      if (more.truncate === true) ftruncateSync(fd);
      return fd;
    } catch (error) {
      if (error instanceof GoError) throw error;
      throw goError(`open ${path}`, error);
    }
  }

  /** As os.MkdirAll: a folder that is there is fine. */
  makeFolders(path: string, mode: number): void {
    const stat = this.#statOrNothing(path);
    if (stat?.isDirectory() === true) return;
    if (stat !== undefined) throw new GoError(`mkdir ${path}`, 'ENOTDIR');
    const parent = posix.dirname(path);
    if (parent !== path) this.makeFolders(parent, mode);
    const { path: real, readOnly } = this.#at(path);
    if (readOnly) throw new GoError(`mkdir ${path}`, 'EROFS');
    try {
      mkdirSync(real, { mode, recursive: true });
    } catch (error) {
      throw goError(`mkdir ${path}`, error);
    }
  }

  rename(from: string, to: string): void {
    const what = `rename ${from} ${to}`;
    const source = this.#at(from);
    const target = this.#at(to);
    // A mount point cannot be moved or replaced.
    if (source.fileMount || target.fileMount) throw new GoError(what, 'EBUSY');
    if (source.readOnly || target.readOnly) throw new GoError(what, 'EROFS');
    try {
      renameSync(source.path, target.path);
    } catch (error) {
      throw goError(what, error);
    }
  }

  remove(path: string): void {
    const { path: real, readOnly, fileMount } = this.#at(path);
    if (fileMount) throw new GoError(`remove ${path}`, 'EBUSY');
    if (readOnly) throw new GoError(`remove ${path}`, 'EROFS');
    try {
      unlinkSync(real);
    } catch (error) {
      throw goError(`remove ${path}`, error);
    }
  }

  /** Names in a folder, those of single mounted files included. */
  list(path: string): string[] {
    try {
      return readdirSync(this.#at(path).path);
    } catch (error) {
      throw goError(`open ${path}`, error);
    }
  }

  /** Where a path lies on this machine, for what streams. */
  real(path: string): string {
    return this.#at(path).path;
  }

  size(fd: number): number {
    return fstatSync(fd).size;
  }

  close(fd: number): void {
    closeSync(fd);
  }

  #statOrNothing(path: string): Stats | undefined {
    try {
      return statSync(this.#at(path).path);
    } catch {
      return undefined; // what is in the way is said by the call that makes the folder
    }
  }

  #at(path: string): InsidePath {
    return resolveInside(this.#container, posix.resolve('/', path));
  }
}
