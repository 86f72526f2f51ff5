/** The server ended on words we have no rule for: they are shown as they stand. */
import { newestWords, quoted, type Rule } from '../diagnose';

export const serverRefused: Rule = (scene) => {
  const words = newestWords(scene);
  if (!words || (words.kind !== 'flag' && words.kind !== 'command-failed')) return undefined;
  return {
    certain: words.gone,
    finding: {
      code: 'server-refused',
      severity: 'error',
      title: `kube-apiserver refuses to start: ${words.reason}`,
      detail: quoted(words),
      remedy: ['correct what it names in the manifest, then apply it again'],
    },
  };
};
