/** A fatal line or a panic. Once may be bad luck of the moment (a peer that restarts too); twice is not. */
import { newestWords, quoted, type Rule } from '../diagnose';

export const serverCrashed: Rule = (scene) => {
  const words = newestWords(scene);
  if (!words || (words.kind !== 'fatal' && words.kind !== 'panic')) return undefined;
  return {
    certain: words.gone && scene.starts >= 2,
    finding: {
      code: 'server-crashed',
      severity: 'error',
      title: `kube-apiserver crashed: ${words.reason.split('\n')[0] ?? ''}`,
      detail: quoted(words),
      remedy: ['read the container log named above from its end upwards'],
    },
  };
};
