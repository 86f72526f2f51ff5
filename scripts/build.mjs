// Bundles src/ into dist/. Everything is inside: a control-plane node needs Node.js and this folder, no registry.
//
//   main.cjs      the first few lines: the version, or start.cjs by way of its compiled code
//   start.cjs     everything else but:
//   cluster.cjs   @kubernetes/client-node, loaded on first use
//   sandbox/      world.cjs, manage.cjs: loaded for --sandbox, and for `sandbox` and `demo`; and the sandbox's programs:
//                 kubelet, etcd, API server, each a process of its own
//   workers/      threads
//   start.cache   start.cjs as V8 compiled it here, for this version of Node.js; any other compiles it anew
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import fs from 'fs-extra';
import { writeNotices } from './notices.mjs';

const repo = fileURLToPath(new URL('..', import.meta.url));
const dist = join(repo, 'dist');
const pkg = fs.readJsonSync(join(repo, 'package.json'));
if (!fs.existsSync(join(repo, 'src/main.ts'))) process.exit(0); // an installed package: built already

const chunksApart = {
  name: 'chunks-apart',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/(cluster|sandbox\/(world|manage))$/ }, ({ path, kind }) =>
      kind === 'dynamic-import' || kind === 'require-call' ? { path: `${path}.cjs`, external: true } : undefined,
    );
  },
};

fs.emptyDirSync(dist);
const { metafile } = await build({
  entryPoints: {
    main: join(repo, 'src/main.ts'),
    start: join(repo, 'src/start.ts'),
    cluster: join(repo, 'src/system/cluster.ts'),
    'sandbox/world': join(repo, 'src/sandbox/world.ts'),
    'sandbox/manage': join(repo, 'src/sandbox/manage.ts'),
    ...entriesOf('src/sandbox/programs', 'sandbox'),
    ...entriesOf('src/system/workers', 'workers'),
  },
  outdir: dist,
  outExtension: { '.js': '.cjs' },
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  // In CommonJS an import() of the chunk is a require(): the compiled code has no module loader of its own.
  supported: { 'dynamic-import': false },
  minify: true,
  metafile: true,
  legalComments: 'none',
  define: { __VERSION__: JSON.stringify(pkg.version), 'import.meta.url': '__filename' },
  plugins: [chunksApart],
  logLevel: 'warning',
});
writeNotices(metafile, dist);
warmUp();

/** Every file of a folder is a program of its own: FOLDER/NAME.ts becomes dist/UNDER/NAME.cjs. */
function entriesOf(folder, under) {
  const path = join(repo, folder);
  const names = fs.existsSync(path) ? fs.readdirSync(path).filter((name) => name.endsWith('.ts')) : [];
  return Object.fromEntries(names.map((name) => [`${under}/${name.slice(0, -3)}`, join(path, name)]));
}

/** Runs the main job once, so that the functions it needs are in the compiled code too. */
function warmUp() {
  const root = fs.mkdtempSync(join(tmpdir(), 'kube-auditctl-build-'));
  const manifests = join(root, 'etc/kubernetes/manifests');
  fs.ensureDirSync(join(root, 'proc'));
  fs.copySync(join(repo, 'fixtures/manifests/kubeadm-1.36.yaml'), join(manifests, 'kube-apiserver.yaml'));
  try {
    const args = ['enable', '--dry-run', '--root', root, '--ignore', 'kubelet-not-running,api-not-ready'];
    const stdio = ['ignore', 'ignore', 'inherit'];
    execFileSync(process.execPath, [join(repo, 'scripts/warm-up.cjs'), dist, ...args], { stdio });
  } finally {
    fs.removeSync(root);
  }
}
