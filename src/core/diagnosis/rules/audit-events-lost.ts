/** The server runs and answers, yet cannot write its events: health checks never show it. */
import type { Rule } from '../diagnose';
import { logFinding } from './audit-log-unusable';

const LOST = /Error in audit plugin '(\w+)' affecting \d+ audit events: (.*)$/;

export const auditEventsLost: Rule = (scene) => {
  for (const log of scene.logs) {
    const line = log.lines.findLast((entry) => LOST.test(entry.text));
    const match = line && LOST.exec(line.text);
    if (!match || match[1] !== 'log') continue;
    // A mounted folder cannot be moved aside, which is what a server before 1.22 tries when the log's path is one.
    const reason = scene.facts.logMountedAsFolder ? 'is a directory' : (match[2] ?? '');
    const path = /(?:open|rename|mkdir|write) (\/\S+?):? /.exec(reason)?.[1] ?? scene.facts.logPath ?? 'the audit log';
    return { certain: true, finding: logFinding(path, reason, `${log.path}\n  ${line.text}`) };
  }
  return undefined;
};
