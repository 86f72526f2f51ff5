/** Without a kubelet nothing would act on the manifest, and nothing would bring the server back. */
import type { Check } from './preflight';

export const kubeletRuns: Check = async ({ node }) => {
  if (await node.kubelet()) return [];
  return [
    {
      code: 'kubelet-not-running',
      severity: 'error',
      title: 'no kubelet runs on this node: nothing would act on the manifest',
      remedy: ['systemctl status kubelet', 'systemctl start kubelet'],
    },
  ];
};
