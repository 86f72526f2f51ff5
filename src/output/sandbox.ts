/** `sandbox` and `demo` for people, and the line that says that a node is none. */
import type { SandboxState } from '../change/ports';
import { shellWord } from '../core/text';
import { seconds, table, type Style } from './style';

/** Below an answer that could be taken for a real node's; empty on a real one. */
export function sandboxLine(sandbox: string | undefined, style: Style): string {
  return sandbox === undefined
    ? ''
    : `${style.dim(`In the sandbox ${sandbox}: no real node was touched. Its paths lie under ${sandbox}/node.`)}\n`;
}

export function sandboxText(state: SandboxState, style: Style, nowMs: number): string {
  const missing = missingIn(state);
  const whole = missing.length === 0 ? style.green : style.red;
  const colour = { none: style.yellow, stopped: style.yellow, running: whole }[state.state];
  const rows: string[][] = [['sandbox', state.dir]];
  rows.push(['state', colour([state.state, ...missing].join(', '))]);
  if (state.state === 'none') return `${table(rows)}\n`;
  rows.push(['like', `${state.like ?? ''} (Kubernetes ${state.kubernetesVersion ?? ''})`]);
  rows.push(['API server', `https://127.0.0.1:${state.port ?? ''}`]);
  const since = (startedAt: number): string => `for ${seconds(Math.max(0, nowMs - startedAt))}`;
  if (state.kubelet) rows.push(['kubelet', `pid ${state.kubelet.pid} ${since(state.kubelet.startedAt)}`]);
  else if (state.state === 'running') rows.push(['kubelet', style.red('does not run')]);
  for (const { name, pid, startedAt } of state.containers) rows.push([name, `pid ${pid} ${since(startedAt)}`]);
  rows.push(['files', state.node ?? '']);
  const dir = shellWord(state.dir);
  const mend = `To mend it: kube-auditctl sandbox start ${dir}, or kube-auditctl doctor --sandbox=${dir}\n`;
  return `${table(rows)}\n${missing.length > 0 ? mend : ''}`;
}

/** What one that runs lacks, in words. */
export function missingIn(state: SandboxState): string[] {
  if (state.state !== 'running') return [];
  return [
    ...(state.kubelet === null ? ['its kubelet does not run'] : []),
    ...(state.ready ? [] : ['its API is not ready']),
  ];
}

/** How to go on from here. @param suffix what has to follow each command for this very sandbox. */
export function sandboxUse(state: SandboxState, suffix: string, style: Style): string {
  const rows = state.users.map(({ name, about }) => [`  ${name}`, about]);
  return [
    style.bold('To use it:'),
    `  kube-auditctl enable --sandbox${suffix}`,
    `  export KUBECONFIG=$(kube-auditctl sandbox kubeconfig --path${suffix})   # for kubectl`,
    style.bold('Its users') + ' (kube-auditctl sandbox kubeconfig --user NAME):',
    table(rows),
    '',
  ].join('\n');
}
