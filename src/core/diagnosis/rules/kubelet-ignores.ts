/** Three polls of the kubelet have gone by and the old server serves on: nobody reads the manifest. */
import type { Rule } from '../diagnose';

export const kubeletIgnores: Rule = (scene) => {
  if (!scene.ignored) return undefined;
  return {
    certain: true,
    finding: {
      code: 'kubelet-ignores-manifest',
      severity: 'error',
      title: 'the kubelet does not act on the manifest: the old server still runs',
      detail: `written ${Math.round((scene.at - scene.writtenAt) / 1000)} s ago; the kubelet looks every 20 s`,
      remedy: [
        'systemctl status kubelet',
        'journalctl -u kubelet -n 50',
        'grep staticPodPath /var/lib/kubelet/config.yaml',
      ],
    },
  };
};
