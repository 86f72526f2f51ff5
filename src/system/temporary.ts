/** Files that are being written under another name. Rule: one that is not finished does not outlive this process. */
import { rmSync } from 'node:fs';

/** @returns to be called when the file has its own name, or is gone. */
export function removedAtExit(path: string): () => void {
  const remove = (): void => {
    try {
      rmSync(path, { force: true });
    } catch {
      // Nobody is left to tell.
    }
  };
  process.once('exit', remove);
  return () => {
    process.off('exit', remove);
  };
}
