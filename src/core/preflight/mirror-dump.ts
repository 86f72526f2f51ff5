/**
 * Signs that a manifest is no manifest but what `kubectl get pod -o yaml` printed of the mirror pod. With the annotation
 * config.mirror the kubelet takes it for a copy and never starts it; a metadata.uid replaces the one it derives from the
 * content, so that it would not see later changes. Source: pkg/kubelet/config/common.go, pkg/kubelet/types/pod_update.go.
 */
import type { Finding } from '../finding';
import { describePath } from '../manifest/document';
import { isMap } from '../manifest/value';
import type { Path } from '../manifest/value';
import type { Judge } from './judged';

export const mirrorDump: Judge = ({ doc }) => {
  const metadata = doc.map(['metadata']);
  const signs: Path[] = [];
  const given = (value: unknown): boolean => value !== undefined && value !== null && value !== '';
  for (const key of Object.keys(doc.map(['metadata', 'annotations'])))
    if (/^kubernetes\.io\/config\.(?:mirror|hash|source|seen)$/.test(key)) signs.push(['metadata', 'annotations', key]);
  for (const key of ['resourceVersion', 'creationTimestamp', 'ownerReferences', 'managedFields', 'selfLink'])
    if (given(metadata[key])) signs.push(['metadata', key]);
  if (given(doc.map(['spec']).nodeName)) signs.push(['spec', 'nodeName']);
  if (isMap(doc.value.status) && Object.keys(doc.value.status).length > 0) signs.push(['status']);
  doc.list(['spec', 'volumes']).forEach((volume, index) => {
    if (isMap(volume) && /^kube-api-access-/.test(String(volume.name))) signs.push(['spec', 'volumes', index]);
  });
  const findings: Finding[] = [];
  // One alone may have been written by hand.
  const certain = signs.some((path) => path[1] === 'annotations' || path[1] === 'resourceVersion') || signs.length > 2;
  const first = signs[0];
  if (first !== undefined) {
    findings.push({
      code: 'mirror-pod-dump',
      severity: certain ? 'error' : 'warning',
      title: 'this looks like a dump of the running pod, not like a manifest',
      detail: signs.map(describePath).join('\n'),
      place: doc.place(first),
      remedy: [
        'change the file in the manifests folder instead: kube-auditctl edit',
        'or take the lines named above out of this one',
      ],
    });
  }
  if (given(metadata.uid)) {
    findings.push({
      code: 'manifest-uid',
      severity: 'error',
      title: 'metadata.uid is set: the kubelet would not see that the manifest has changed',
      detail: 'Without it the kubelet derives the uid from the content, and restarts the pod when that differs.',
      place: doc.place(['metadata', 'uid']),
      remedy: ['remove the line `uid:`'],
    });
  }
  return findings;
};
