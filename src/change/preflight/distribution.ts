/** Where another tool writes the manifest, ours would be overwritten at its next start. */
import { recognise } from '../distribution';
import type { Check } from './preflight';

export const distribution: Check = async ({ files }, { live }) => {
  const { doc, path } = live;
  const annotations = Object.keys(doc.map(['metadata', 'annotations']));
  // kubeadm's own mark: whatever else was installed here once, this manifest is its.
  if (annotations.some((name) => name.startsWith('kubeadm.kubernetes.io/'))) return [];
  const known = await recognise(files);
  if (!known) return [];
  return [
    {
      code: 'not-kubeadm',
      severity: 'error',
      title: `this node is run by ${known.name}, which writes ${path} itself`,
      detail: 'What is changed here is lost when it writes the manifest anew.',
      remedy: known.instead,
    },
  ];
};
