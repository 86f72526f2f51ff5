/** The kubelet waits before it starts a pod that it has started before: nothing is wrong, it only takes its time. */
import { kubeletLines, type Rule } from '../diagnose';

const BACK_OFF = /back-off (\S+) restarting failed container=kube-apiserver/;

export const heldBack: Rule = (scene) => {
  const line = kubeletLines(scene, BACK_OFF).at(-1);
  // A container that has said something since is no longer held back, and has a better story to tell.
  if (!line || scene.running.length > 0 || scene.logs.length > 0) return undefined;
  const time = BACK_OFF.exec(line.text)?.[1] ?? '';
  return {
    certain: false,
    finding: {
      code: 'held-back',
      severity: 'error',
      title: `the kubelet waits ${time} before it starts the pod again: it has restarted it before within ten minutes`,
      detail: line.text,
      remedy: ['wait: the pause grows with every restart of the same pod, up to five minutes'],
    },
  };
};
