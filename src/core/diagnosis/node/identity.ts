/** A manifest copied from the API instead of from the disk: its own uid and the marks of a mirror pod. */
import { cause, type Cause } from '../cause';
import { at, type Patient } from '../patient';

const MARKS = [
  'kubernetes.io/config.mirror',
  'kubernetes.io/config.source',
  'kubernetes.io/config.hash',
  'kubernetes.io/config.seen',
];

export function identityRules(patient: Patient): Cause[] {
  const { pod, doc } = patient;
  if (!pod || !doc) return [];
  const marks = MARKS.filter((name) => pod.annotations[name] !== undefined);
  const own = pod.uid === undefined ? [] : [['metadata', 'uid']];
  if (marks.length > 0) {
    const paths = [...marks.map((name) => ['metadata', 'annotations', name]), ...own];
    return [
      cause('mirror-pod-dump', {
        title: `the manifest is a dump of the API's copy of the pod (annotation ${marks[0] ?? ''})`,
        detail:
          'The kubelet takes a pod with these annotations for the API’s mirror of another one, and does not start it.',
        ...at(patient, ['metadata', 'annotations', marks[0] ?? '']),
        remedy: [
          `remove the annotations ${marks.join(', ')}, metadata.uid, status and what else only the API writes`,
          'or put a manifest from the disk back: kube-auditctl doctor --fix',
        ],
        brings: ['server-not-started', 'not-as-configured'],
        mend: {
          kind: 'edit-manifest',
          what: 'remove what only the API writes',
          edits: paths.map((path) => ({ do: 'remove' as const, path })),
        },
      }),
    ];
  }
  if (pod.uid === undefined) return [];
  return [
    cause('fixed-uid', {
      title: `metadata.uid is set by hand (${pod.uid}): an edit keeps the uid, and the kubelet does not start the pod anew`,
      ...at(patient, ['metadata', 'uid']),
      remedy: ['remove the line metadata.uid: the kubelet makes one from the content'],
      brings: ['not-as-configured', 'server-not-started'],
      mend: {
        kind: 'edit-manifest',
        what: 'remove metadata.uid',
        edits: [{ do: 'remove', path: ['metadata', 'uid'] }],
      },
    }),
  ];
}
