/** A certificate or key the server needs is missing, unreadable or does not fit its pair. */
import { newestWords, quoted, type Rule } from '../diagnose';

const MISSING = /open (\S+\.(?:crt|key|pub|pem|conf)): (no such file or directory|permission denied)/;
const BROKEN =
  /(tls: .*private key.*|missing content for (?:serving cert|CA bundle) \S+|unable to load (?:client CA|server certificate).*)/;

export const certificateUnreadable: Rule = (scene) => {
  const words = newestWords(scene);
  if (!words) return undefined;
  const missing = MISSING.exec(words.reason);
  const broken = BROKEN.exec(words.reason);
  if (!missing && !broken) return undefined;
  return {
    certain: words.gone,
    finding: {
      code: 'certificate-unreadable',
      severity: 'error',
      title: missing ? `kube-apiserver cannot open ${missing[1]}: ${missing[2]}` : `kube-apiserver: ${broken?.[1]}`,
      detail: quoted(words),
      remedy: missing
        ? [`ls -l ${missing[1]}`, 'correct the path in the flag that names it, or mount the folder it stands in']
        : ['kubeadm certs check-expiration', 'put a certificate and its own key there'],
    },
  };
};
