// Bundles src/ into dist/. Everything is inside: a control-plane node needs Node and this folder, no registry.
// Splitting keeps start-up small: a command's code, and @kubernetes/client-node, load when they are first used.
import { rmSync, readFileSync, existsSync } from 'node:fs';
import { build } from 'esbuild';
import { writeNotices } from './notices.mjs';

const pkg = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
if (!existsSync(new URL('../src/main.ts', import.meta.url))) process.exit(0); // an installed package: built already
const dist = new URL('../dist/', import.meta.url).pathname;

rmSync(dist, { recursive: true, force: true });
const result = await build({
  entryPoints: [new URL('../src/main.ts', import.meta.url).pathname],
  outdir: dist,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  minify: true,
  keepNames: true,
  metafile: true,
  legalComments: 'none',
  chunkNames: 'chunks/[name]-[hash]',
  loader: { '.yaml': 'text' },
  define: { __VERSION__: JSON.stringify(pkg.version) },
  // CommonJS packages inside the bundle ask for Node's own modules with require().
  banner: { js: "import{createRequire as __cr}from'node:module';const require=__cr(import.meta.url);" },
  logLevel: 'warning',
});
writeNotices(result.metafile, dist);
