/** A flag that this version of kube-apiserver does not have. */
import { newestWords, quoted, type Rule } from '../diagnose';
import { nearestAuditFlag } from '../../audit-flags';

export const unknownFlag: Rule = (scene) => {
  const words = newestWords(scene);
  const flag = words && /^unknown (?:shorthand )?flag: (.+)$/.exec(words.reason)?.[1];
  if (!flag) return undefined;
  const meant = nearestAuditFlag(flag);
  return {
    certain: true,
    finding: {
      code: 'unknown-flag',
      severity: 'error',
      title: `kube-apiserver does not know the flag ${flag}`,
      detail: quoted(words),
      remedy: [meant ? `write ${meant} instead of ${flag}` : `remove ${flag}, or correct its name`],
    },
  };
};
