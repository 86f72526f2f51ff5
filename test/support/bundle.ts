/** Bundles a module of this project so that a child process can run it with plain node. */
import { buildSync } from 'esbuild';
import { join } from 'node:path';
import { tempFolder } from './temp-folder';

/** @param source TypeScript; its relative imports start at the repository's root. @returns the script's path. */
export function bundle(source: string): string {
  const outfile = join(tempFolder(), 'script.mjs');
  buildSync({
    stdin: { contents: source, resolveDir: join(__dirname, '../..'), loader: 'ts' },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
    logLevel: 'error',
  });
  return outfile;
}
