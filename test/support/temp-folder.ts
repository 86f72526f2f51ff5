/** A folder of the test's own on the real disk, gone when the test file ends. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made: string[] = [];

export function tempFolder(): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'kube-auditctl-test-')));
  made.push(path);
  return path;
}

afterAll(() => {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
});
