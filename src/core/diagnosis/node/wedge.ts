/**
 * A kubelet that was started while the API server was away does not let go of static pods until it has talked to the API
 * once: an edited or restored manifest waits for ever for the old pod's end. Source: pkg/kubelet/kubelet.go (sources
 * ready), pkg/kubelet/config/apiserver.go.
 */
import { cause, type Cause } from '../cause';
import type { Patient } from '../patient';

/** What only a kubelet says that has reached the API; also a pattern of journalctl's. */
export const MET_THE_API =
  /Watching apiserver|node sync completed|Successfully registered node|Node was previously registered|Caches are synced/;
/** Longer than the kubelet's poll and its own start together. */
const PATIENCE_MS = 30_000;

export function wedgeRules(patient: Patient): Cause[] {
  const { sight, changedAt } = patient;
  const { process, metApi } = sight.kubelet;
  if (!process || patient.healthy || sight.health.state === 'ok' || metApi !== 'never' || patient.problem) return [];
  const since = new Date(process.startedAt).toISOString();
  const evidence = [
    {
      source: 'journal' as const,
      where: 'journal of kubelet',
      at: since,
      text: `since its start (pid ${process.pid}) no word of the API server having been reached`,
    },
  ];
  const edited = changedAt !== undefined && changedAt > process.startedAt;
  const waiting = edited && sight.at - changedAt > PATIENCE_MS;
  const stale = sight.pods.some(({ logs }) => logs.some(({ lines }) => (lines[0]?.at ?? 0) < process.startedAt));
  if (waiting && stale && patient.right.length === 0) {
    return [
      cause('kubelet-wedged', {
        title:
          'the kubelet was started while the API server was away, and holds on to the old pod: the edited manifest is not taken',
        evidence,
        remedy: [
          'with the right manifest in place: systemctl restart kubelet',
          'then remove what is left of the old pod: crictl pods --name kube-apiserver, crictl stopp ID, crictl rmp ID',
          'kube-auditctl doctor --fix does both',
        ],
        brings: ['server-not-started', 'held-back'],
        mend: { kind: 'unwedge', what: 'restart the kubelet, and remove the old pod’s sandbox' },
      }),
    ];
  }
  return [
    cause('kubelet-without-api', {
      title: 'the kubelet was started while the API server was away: it may not take a further edit of the manifest',
      certain: false,
      evidence,
      remedy: ['mend what keeps the server away; if an edited manifest is not taken: systemctl restart kubelet'],
    }),
  ];
}
