/**
 * Has V8 give back what nobody uses any more. It waits with that until a heap has grown by a few times what is in use, and
 * does not see how much memory small objects outside of its heap stand for (buffers); on a control-plane node that is others'
 * memory. To be asked for between two parts of long work, where there is most to be found.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

let collect: (() => void) | undefined;

/** Takes a few milliseconds. */
export function collectGarbage(): void {
  if (collect === undefined) {
    setFlagsFromString('--expose-gc');
    collect = runInNewContext('gc') as () => void;
  }
  collect();
}

/**
 * Has V8 keep the place for new objects as small as it is, where it would grow to some thirty megabytes. To be asked for before
 * long work that makes few objects which last.
 */
export function stayYoung(): void {
  setFlagsFromString('--semi-space-growth-factor=1');
}
