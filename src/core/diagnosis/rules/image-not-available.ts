/** The image cannot be had. The kubelet goes on trying, but the API server is away while it does. */
import { kubeletLines, type Rule } from '../diagnose';

const PULL = /ErrImagePull|ImagePullBackOff|ErrImageNeverPull|InvalidImageName|[Ff]ailed to pull image|PullImage \\*"/;

export const imageNotAvailable: Rule = (scene) => {
  const lines = kubeletLines(scene, PULL);
  const telling = lines.filter(({ text }) => /ErrImagePull|ErrImageNeverPull|InvalidImageName/.test(text));
  // The kubelet says it several times, once with all of the container printed before the words that matter.
  const [line] = [...(telling.length > 0 ? telling : lines)].sort((a, b) => a.text.length - b.text.length);
  if (!line) return undefined;
  const image = scene.facts.image ?? '?';
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
