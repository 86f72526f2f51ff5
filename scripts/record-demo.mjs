// Records a real run of `kube-auditctl demo`: docs/demo.svg for the README, docs/demo.cast for players of asciicasts.
// Every line stands at the time when it was printed; nothing is left out, and nothing added.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const repo = fileURLToPath(new URL('..', import.meta.url));
const COLUMNS = 118;
const ROWS = 34;
const LINE = 17;
const CHARACTER = 7.8;
const PAD = 14;
/** How long the last picture stands before it begins again. */
const REST = 6;

const chunks = await record();
writeFileSync(join(repo, 'docs/demo.cast'), cast(chunks));
writeFileSync(join(repo, 'docs/demo.svg'), svg(lines(chunks)));

function record() {
  return new Promise((resolve, reject) => {
    const seen = [{ at: 0, text: '$ kube-auditctl demo\n' }];
    const child = spawn(process.execPath, [join(repo, 'bin/kube-auditctl'), 'demo'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const begun = performance.now();
    child.stdout.setEncoding('utf8').on('data', (text) => seen.push({ at: (performance.now() - begun) / 1000, text }));
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve(seen) : reject(new Error(`the demo ended with ${code}`))));
  });
}

function cast(all) {
  const head = { version: 2, width: COLUMNS, height: ROWS, title: 'kube-auditctl demo' };
  const events = all.map(({ at, text }) => [Number(at.toFixed(3)), 'o', text.replaceAll('\n', '\r\n')]);
  return [head, ...events].map((value) => `${JSON.stringify(value)}\n`).join('');
}

/** Wrapped as a terminal wraps; each with the time of its last character. */
function lines(all) {
  const found = [];
  let rest = '';
  for (const { at, text } of all) {
    const parts = (rest + text).split('\n');
    rest = parts.pop();
    for (const part of parts)
      for (let from = 0; from === 0 || from < part.length; from += COLUMNS)
        found.push({ at, text: part.slice(from, from + COLUMNS) });
  }
  return found;
}

function svg(all) {
  const total = all.at(-1).at + REST;
  const percent = (at) => `${((100 * at) / total).toFixed(3)}%`;
  const [width, height] = [Math.round(COLUMNS * CHARACTER + 2 * PAD), ROWS * LINE + 2 * PAD];
  const steps = [];
  all.forEach(({ at }, index) => {
    const up = Math.max(0, index + 1 - ROWS) * LINE;
    if (up > 0 && steps.at(-1)?.up !== up) steps.push({ at, up });
  });
  const scroll = steps.map(({ at, up }) => `${percent(at)}{transform:translateY(-${up}px)}`).join('');
  const end = `100%{transform:translateY(-${steps.at(-1)?.up ?? 0}px)}`;
  const times = [...new Set(all.map(({ at }) => at))];
  const appear = times
    .map(
      (at, n) => `@keyframes l${n}{0%{opacity:0}${percent(at)}{opacity:1}100%{opacity:1}}.l${n}{animation-name:l${n}}`,
    )
    .join('');
  const text = all
    .map(({ at, text: line }, index) => {
      if (line === '') return '';
      const classes = `l${times.indexOf(at)} ${colour(line)}`.trim();
      return `<text class="${classes}" x="${PAD}" y="${PAD + (index + 1) * LINE - 4}">${escape(line)}</text>`;
    })
    .filter(Boolean)
    .join('\n');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<title>A recorded run of kube-auditctl demo</title>
<style>
text{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#d4d4d4;white-space:pre;animation-duration:${total.toFixed(2)}s;animation-timing-function:step-end;animation-iteration-count:infinite}
.c{fill:#7f8c98}.p{fill:#ffffff;font-weight:bold}.g{fill:#8bd18b}.r{fill:#f08080}
#s{animation:s ${total.toFixed(2)}s step-end infinite}
@keyframes s{0%{transform:none}${scroll}${end}}
${appear}
@media (prefers-reduced-motion:reduce){text{animation:none}#s{animation:none;transform:translateY(-${steps.at(-1)?.up ?? 0}px)}}
</style>
<rect width="100%" height="100%" rx="6" fill="#1e1e1e"/>
<svg x="0" y="${PAD}" width="${width}" height="${ROWS * LINE}"><g id="s"><g transform="translate(0 -${PAD})">
${text}
</g></g></svg>
</svg>
`;
}

function colour(line) {
  if (line.startsWith('# ')) return 'c';
  if (line.startsWith('$ ')) return 'p';
  if (/^\s*✓|^Done\./.test(line)) return 'g';
  return /^\s*✗/.test(line) ? 'r' : '';
}

function escape(line) {
  return line.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
