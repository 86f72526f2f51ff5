/**
 * What the new manifest says, by the pure checks of core. What today's manifest says as well is a warning, since the server
 * runs with it; but what the kubelet reads past is an error whoever wrote it, unless the way is back.
 */
import type { Finding } from '../../core/finding';
import { strictFindings } from '../../core/manifest/strict';
import { etcdServers } from '../../core/preflight/addresses';
import { apiReferences } from '../../core/preflight/api-references';
import { auditFlags } from '../../core/preflight/audit-flags';
import { auditPaths } from '../../core/preflight/audit-paths';
import type { Judge } from '../../core/preflight/judged';
import { kubeletRules } from '../../core/preflight/kubelet-rules';
import { mirrorDump } from '../../core/preflight/mirror-dump';
import { rotation } from '../../core/preflight/rotation';
import { goesBack, type Check } from './preflight';
import { judgedOf, shared } from './shared';

const READING: readonly Judge[] = [({ doc, minor }) => strictFindings(doc, minor), mirrorDump];
const RUNNING: readonly Judge[] = [kubeletRules, etcdServers, apiReferences, auditFlags, auditPaths, rotation];

// Not async: every step is at hand, and a cold process pays for each turn of its loop.
export const content: Check = (_ports, subject) => {
  const next = judgedOf(subject.next, subject.live.folder);
  // One that cannot be read says nothing of what runs.
  const today = (judge: Judge) => (): Finding[] =>
    subject.live.broken ? [] : judge(judgedOf(subject.live, subject.live.folder));
  return Promise.resolve([
    ...READING.flatMap((judge) => (goesBack(subject) ? shared(judge(next), today(judge)) : judge(next))),
    ...RUNNING.flatMap((judge) => shared(judge(next), today(judge))),
  ]);
};
