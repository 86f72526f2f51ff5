// Runs on the node: observe.mjs OPTIONS-AS-JSON COMMAND…
// Runs the command and watches, independently of it, what it does to the node: every event of the manifests folder, every
// change of /readyz, the command's peak memory. Prints one JSON document. Needs nothing but Node.js.
import { spawn } from 'node:child_process';
import { readFileSync, watch } from 'node:fs';
import { request } from 'node:https';
import { basename, dirname } from 'node:path';

const [optionsText, ...command] = process.argv.slice(2);
const options = JSON.parse(optionsText);
const { manifest, host, port, pollMs = 20, killOn, settleMs = 0 } = options;

const folderEvents = [];
const watcher = watch(dirname(manifest), (kind, name) => folderEvents.push({ at: Date.now(), kind, name }));

const health = [];
let last;
let failures = 0;
const poll = () =>
  new Promise((resolve) => {
    const sent = request(
      { host, port, path: '/readyz', rejectUnauthorized: false, agent: false, timeout: 2000 },
      (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode === 200));
        response.on('error', () => resolve(false));
      },
    );
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => resolve(false));
    sent.end();
  });
let polling = true;
const loop = (async () => {
  while (polling) {
    const ok = await poll();
    if (!ok) failures++;
    if (ok !== last) health.push({ at: Date.now(), ok });
    last = ok;
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
})();
// The first answers are waited for: what follows is compared with them.
while (last === undefined) await new Promise((resolve) => setTimeout(resolve, 10));

const startedAt = Date.now();
const child = spawn(command[0], command.slice(1), {
  stdio: ['ignore', 'pipe', 'pipe'],
  env: { ...process.env, ...options.env },
});
let stdout = '';
let stderr = '';
child.stdout.on('data', (chunk) => (stdout += chunk));
child.stderr.on('data', (chunk) => {
  stderr += chunk;
  if (killOn && stderr.includes(killOn.text))
    for (const signal of killOn.signals.splice(0)) process.kill(child.pid, signal);
});
let peakKib = 0;
const memory = setInterval(() => {
  try {
    peakKib = Math.max(
      peakKib,
      Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0),
    );
  } catch {
    // It has just ended.
  }
}, 20);
const [code, signal] = await new Promise((resolve) => child.on('close', (...how) => resolve(how)));
const endedAt = Date.now();
clearInterval(memory);
await new Promise((resolve) => setTimeout(resolve, settleMs));
polling = false;
await loop;
watcher.close();
const name = basename(manifest);
process.stdout.write(
  `${JSON.stringify({
    code,
    signal,
    stdout,
    stderr,
    startedAt,
    endedAt,
    peakMib: peakKib / 1024,
    health,
    failedPolls: failures,
    folderEvents,
    visibleNames: [...new Set(folderEvents.map((event) => event.name).filter((each) => !each.startsWith('.')))],
    manifestEvents: folderEvents.filter((event) => event.name === name),
  })}\n`,
);
