/** The runtime could not make or start the container: it has no log, the reason stands in the kubelet's journal. */
import { wordsOf } from '../../klog';
import { kubeletLines, type Rule } from '../diagnose';

const START = /(CreateContainerError|RunContainerError|CreateContainerConfigError|CreatePodSandboxError)/;

export const containerNotStartable: Rule = (scene) => {
  const line = kubeletLines(scene, START).at(-1);
  if (!line) return undefined;
  const kind = START.exec(line.text)?.[1] ?? '';
  // Quoted where it is one of several results, bare where the runtime's manager says it itself.
  const reason = new RegExp(`${kind}: (?:"(.*?)"(?:, |$)|(.*))`, 's').exec(wordsOf(line.text))?.slice(1).find(Boolean);
  return {
    // A sandbox is tried again by itself, often with success; a container that cannot be made stays so.
    certain: kind !== 'CreatePodSandboxError',
    finding: {
      code: 'container-not-startable',
      severity: 'error',
      title: `the container runtime cannot start the API server's container (${kind})${reason ? `: ${reason.split('\n')[0] ?? ''}` : ''}`,
      detail: line.text,
      remedy: ['mend what the runtime names: often a mount of a file over a folder, or of a folder over a file'],
    },
  };
};
