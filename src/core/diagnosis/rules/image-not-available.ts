/** The image cannot be had. The kubelet goes on trying, but the API server is away while it does. */
import { kubeletLines, type Rule } from '../diagnose';

const PULL =
  /ErrImagePull|ImageInspectError|SignatureValidationFailed|RegistryUnavailable|ImagePullBackOff|ErrImageNeverPull|InvalidImageName|[Ff]ailed to pull image|PullImage \\*"/;

export const imageNotAvailable: Rule = (scene) => {
  const lines = kubeletLines(scene, PULL);
  const words = /ErrImagePull|ErrImageNeverPull|InvalidImageName|ImageInspectError|SignatureValidationFailed/;
  const telling = lines.filter(({ text }) => words.test(text));
  // The kubelet says it several times, once with all of the container printed before the words that matter.
  const [line] = [...(telling.length > 0 ? telling : lines)].sort((a, b) => a.text.length - b.text.length);
  if (!line) return undefined;
  const image = scene.facts.image ?? '?';
  if (line.text.includes('SignatureValidationFailed'))
    return {
      certain: true,
      finding: {
        code: 'image-not-available',
        severity: 'error',
        title: `the image ${image} is not signed as this node demands`,
        detail: line.text,
        remedy: ['cat /etc/containers/policy.json', 'name an image that is signed, or have its signer allowed there'],
      },
    };
  if (line.text.includes('ImageInspectError'))
    return {
      // The runtime may only have been slow to answer.
      certain: false,
      finding: {
        code: 'image-not-available',
        severity: 'error',
        title: `the container runtime cannot look at the image ${image}`,
        detail: line.text,
        remedy: [
          `crictl inspecti ${image}`,
          'systemctl status containerd crio',
          'df -h /var/lib/containerd /var/lib/containers',
        ],
      },
    };
  return {
    certain: true,
    finding: {
      code: 'image-not-available',
      severity: 'error',
      title: `the image ${image} cannot be pulled`,
      detail: line.text,
      remedy: [`crictl pull ${image}`, 'correct the image in the manifest, or load it onto the node first'],
    },
  };
};
