/** A flag whose value kube-apiserver cannot read. */
import { newestWords, quoted, type Rule } from '../diagnose';

export const invalidFlagValue: Rule = (scene) => {
  const words = newestWords(scene);
  const match = words && /^invalid argument "(.*)" for "(?:-\w, )?(--[^"]+)" flag: (.*)$/.exec(words.reason);
  if (!match) return undefined;
  return {
    certain: true,
    finding: {
      code: 'invalid-flag-value',
      severity: 'error',
      title: `kube-apiserver cannot read ${match[2]}=${match[1]}: ${match[3]}`,
      detail: quoted(words),
      remedy: [`correct the value of ${match[2]} in ${scene.manifestPath}`],
    },
  };
};
