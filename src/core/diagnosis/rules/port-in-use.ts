/** Another process holds the API server's port. */
import { newestWords, quoted, type Rule } from '../diagnose';

const IN_USE = /listen (?:tcp\d?) (\S+): bind: address already in use/;

export function speaksOfPort(reason: string): boolean {
  return IN_USE.test(reason);
}

export const portInUse: Rule = (scene) => {
  const words = newestWords(scene);
  const match = words && IN_USE.exec(words.reason);
  if (!match) return undefined;
  return {
    // The old server lets go of its port when it is told to stop, so the next try may well succeed.
    certain: words.gone && !scene.oldAlive && scene.starts >= 2,
    finding: {
      code: 'port-in-use',
      severity: 'error',
      title: `another process listens on ${match[1]}`,
      detail: quoted(words),
      remedy: [
        `ss -ltnp 'sport = :${match[1]?.split(':').at(-1) ?? ''}'`,
        'stop that process, or change --secure-port',
      ],
    },
  };
};
