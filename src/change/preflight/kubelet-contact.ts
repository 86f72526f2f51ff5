/**
 * A kubelet that has not reached the API since it was started neither stops an old static pod nor starts the one that
 * replaces it: it waits, for ever, for the API server that it would have to start. Known upstream, in every release so far.
 * Its lease tells: the kubelet renews it every ten seconds. Source: pkg/kubelet/kubelet.go (sourcesReady),
 * pkg/kubelet/config/apiserver.go.
 */
import type { Check } from './preflight';

export const kubeletContact: Check = async ({ node, clock }, { live, dryRun }) => {
  // One request more; a dry run touches nothing that could wedge.
  if (dryRun) return [];
  const kubelet = await node.kubelet();
  if (!kubelet) return [];
  const renewed = await node.kubeletRenewed(live.endpoint);
  if (renewed === undefined || renewed >= kubelet.startedAt) return [];
  const ago = Math.round((clock.now() - kubelet.startedAt) / 1000);
  return [
    {
      code: 'kubelet-out-of-contact',
      severity: 'error',
      title: `the kubelet (pid ${kubelet.pid}) has not reached the API server since it was started ${ago} s ago`,
      detail:
        'Until it has, it does not stop the old API server nor start the new one: a change now could leave the node without any. ' +
        `Its lease was last renewed at ${new Date(renewed).toISOString()}.`,
      remedy: [
        'wait half a minute, then run this again',
        'journalctl -u kubelet -n 50',
        'do not restart the kubelet while the API server is down',
      ],
    },
  ];
};
