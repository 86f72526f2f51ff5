/** A kubelet that reads its static pods from another folder, or from none, never sees the manifest. */
import { joinPath } from '../../manifest/paths';
import { cause, type Cause } from '../cause';
import type { Patient } from '../patient';

export function staticPodRules({ sight, healthy }: Patient): Cause[] {
  const { staticPods } = sight.kubelet;
  if (!staticPods || staticPods.ours) return [];
  const { path, by } = staticPods;
  const folder = sight.manifestPath.replace(/\/[^/]*$/, '') || '/';
  const name = sight.manifestPath.replace(/^.*\//, '');
  const setIt = by.startsWith('--')
    ? `correct ${by} where the kubelet is started: systemctl cat kubelet`
    : `write staticPodPath: ${folder} in ${by}`;
  return [
    cause('other-static-pod-path', {
      title:
        path === undefined
          ? `the kubelet reads no static pods: ${by} sets no staticPodPath`
          : `the kubelet reads its static pods from ${path}, not from ${folder}`,
      when: healthy ? 'later' : 'now',
      evidence: [
        { source: 'file', where: by, text: path === undefined ? 'no staticPodPath' : `staticPodPath: ${path}` },
      ],
      remedy: [
        ...(path === undefined ? [] : [`if it is right: kube-auditctl doctor --manifest ${joinPath(path, name)}`]),
        setIt,
        'then: systemctl restart kubelet',
      ],
      brings: ['server-not-started', 'not-as-configured', 'kubelet-wedged', 'kubelet-without-api'],
    }),
  ];
}
