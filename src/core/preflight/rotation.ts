/**
 * Limits of the log that are none. Before 1.36 an absent limit, or 0, is no limit; from 1.36 on there are defaults, and a
 * size of 0 turns rotation off. Source: staging/src/k8s.io/apiserver/pkg/server/options/audit.go.
 */
import type { Finding } from '../finding';
import { flagNames } from '../manifest/audit';
import { defaults } from '../manifest/enable';
import type { Judge } from './judged';

const DEFAULTS_SINCE = 36;
const LIMITS = ['maxAge', 'maxBackup', 'maxSize'] as const;

export const rotation: Judge = ({ server, audit, minor }) => {
  const { log } = audit;
  if (log === undefined || log.containerPath === '-') return [];
  const findings: Finding[] = [];
  for (const limit of LIMITS) {
    const flag = server.effective(flagNames[limit]);
    if (flag === undefined || !/^\+?0+$/.test(flag.value ?? '')) continue;
    findings.push({
      code: 'log-limit-zero',
      severity: 'warning',
      title: `--${flag.name} is 0: the audit log can fill the disk`,
      place: flag.place,
      remedy: [`Give a limit, for example --${flag.name.replace('audit-log-max', 'max-')} ${defaults[limit]}.`],
    });
  }
  const unset = (['maxAge', 'maxBackup'] as const).every((limit) => server.effective(flagNames[limit]) === undefined);
  if (unset && (minor === undefined || minor < DEFAULTS_SINCE)) {
    const place = server.effective(flagNames.logPath)?.place;
    findings.push({
      code: 'log-unlimited',
      severity: 'warning',
      title: 'neither --audit-log-maxage nor --audit-log-maxbackup is set: rotated logs are kept for ever',
      detail: `Kubernetes has defaults for them only since 1.${DEFAULTS_SINCE}.`,
      ...(place ? { place } : {}),
      remedy: [
        'kube-auditctl enable',
        `or add --audit-log-maxage=${defaults.maxAge} and --audit-log-maxbackup=${defaults.maxBackup}`,
      ],
    });
  }
  return findings;
};
