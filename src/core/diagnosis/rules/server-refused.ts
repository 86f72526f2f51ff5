/** The server ended on words we have no rule for: they are shown as they stand. */
import { newestWords, quoted, type Rule } from '../diagnose';
import { speaksOfEtcd } from './etcd-unreachable';
import { speaksOfPort } from './port-in-use';

export const serverRefused: Rule = (scene) => {
  const words = newestWords(scene);
  if (!words || (words.kind !== 'flag' && words.kind !== 'command-failed')) return undefined;
  // These may pass by themselves: their own rules say when they are certain, and must not be overruled here.
  if (speaksOfPort(words.reason) || speaksOfEtcd(words.reason)) return undefined;
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
