import { spawnSync } from 'node:child_process';

/** A program that is missing fails the suite, in a sentence that says how to get it. */
export function needs(program: 'python3' | 'openssl'): void {
  if (spawnSync(program, ['version'], { stdio: 'ignore' }).error !== undefined)
    throw new Error(`${program} is needed: apt-get install ${program}`);
}
