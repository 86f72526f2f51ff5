/** Each API server reads its own manifest, policy and log: what is changed here is not changed there. */
import { goesBack, type Check } from './preflight';

export const otherControlPlanes: Check = async ({ cluster }, subject) => {
  const { live, next, dryRun, changed } = subject;
  const concerned =
    changed.some(({ role }) => role === 'policy') ||
    JSON.stringify(live.audit.flags) !== JSON.stringify(next.audit.flags);
  // The question costs a quarter of a second, more than the rest of a dry run.
  if (dryRun || goesBack(subject) || !concerned || !next.audit.policy) return [];
  const count = await cluster.controlPlaneNodes(live.endpoint);
  if (count === undefined || count < 2) return [];
  return [
    {
      code: 'other-control-planes',
      severity: 'warning',
      title: `${count} nodes run an API server: this changes only the one on this node`,
      detail: 'Requests that reach the others are logged there, by their own policy, or not at all.',
      remedy: [
        'run the same command on each of them, one after the other',
        'a node that joins later needs the policy file before its API server starts',
      ],
    },
  ];
};
