/** Errors of the operating system in the words of Go's os and net packages. */

const WORDS: Readonly<Record<string, string>> = {
  E2BIG: 'argument list too long',
  EACCES: 'permission denied',
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'cannot assign requested address',
  EBUSY: 'device or resource busy',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by peer',
  EDQUOT: 'disk quota exceeded',
  EEXIST: 'file exists',
  EFBIG: 'file too large',
  EHOSTUNREACH: 'no route to host',
  EIO: 'input/output error',
  EISDIR: 'is a directory',
  ELOOP: 'too many levels of symbolic links',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'file name too long',
  ENETUNREACH: 'network is unreachable',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'directory not empty',
  EPERM: 'operation not permitted',
  EPIPE: 'broken pipe',
  EROFS: 'read-only file system',
  ETIMEDOUT: 'connection timed out',
};

/** An error whose message a Go program would print. */
export class GoError extends Error {
  readonly errno: string;

  constructor(what: string, errno: string) {
    super(`${what}: ${WORDS[errno] ?? errno.toLowerCase()}`);
    this.name = 'GoError';
    this.errno = errno;
  }
}

/** The error's name, e.g. `ENOENT`; undefined when it does not come from the operating system. */
export function errnoOf(thrown: unknown): string | undefined {
  if (thrown instanceof GoError) return thrown.errno;
  const { code } = (thrown ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : undefined;
}

/** The operating system's refusal as Go would say it; what is no such refusal is thrown again. */
export function goError(what: string, thrown: unknown): GoError {
  const errno = errnoOf(thrown);
  if (errno === undefined) throw thrown;
  return new GoError(what, errno);
}
