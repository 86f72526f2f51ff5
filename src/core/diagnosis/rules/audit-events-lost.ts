/** The server runs and answers, yet cannot write its events: health checks never show it. */
import type { Rule } from '../diagnose';
import { logFinding } from '../log-finding';
import { logPathIn, pluginErrors } from '../plugin-errors';

export const auditEventsLost: Rule = (scene) => {
  // A webhook's trouble is its receiver's: nothing that a way back would mend.
  const error = pluginErrors(scene.logs).find(({ plugin }) => plugin === 'log');
  if (!error) return undefined;
  // A mounted folder cannot be moved aside, which is what a server before 1.22 tries when the log's path is one.
  const reason = scene.facts.logMountedAsFolder ? 'is a directory' : error.reason;
  const path = logPathIn(reason) ?? scene.facts.logPath ?? 'the audit log';
  return { certain: true, finding: logFinding(path, reason, `${error.log.path}\n  ${error.raw}`) };
};
