/**
 * Events that a server which is healthy in every check does not get rid of: into its log, to its webhook, or into the buffer
 * before one of them. Each has a remedy of its own; what was said a while ago is a warning, with its time.
 */
import { flagNames } from '../../manifest/audit';
import { cause, type Cause, type CauseDetails } from '../cause';
import { flagAt, type Patient } from '../patient';
import { logFinding } from '../log-finding';
import { logPathIn, pluginErrors, type PluginError } from '../plugin-errors';

/** A receiver that is away is tried again and again: who has said nothing for so long has got rid of them since. */
const RECENT_MS = 5 * 60_000;
const DAY = 86_400_000;

export function eventsLostRules(patient: Patient): Cause[] {
  const { at, pods } = patient.sight;
  return pluginErrors(pods.flatMap(({ logs }) => logs))
    .filter((error) => at - error.at < DAY)
    .map((error) => told(patient, error));
}

function told(patient: Patient, error: PluginError): Cause {
  const recent = patient.sight.at - error.at < RECENT_MS;
  const last = recent ? '' : ` (last said ${ago(patient.sight.at - error.at)} ago)`;
  const details = (title: string, remedy: readonly string[], flag?: string): CauseDetails => {
    const place = flag === undefined ? { evidence: [] } : flagAt(patient, flag);
    return {
      title: `${title}${last}`,
      when: recent ? 'now' : 'later',
      ...place,
      evidence: [
        {
          source: 'container-log',
          where: error.log.path,
          at: new Date(error.at).toISOString(),
          text: error.raw.trim(),
        },
        ...place.evidence,
      ],
      remedy,
    };
  };
  const { plugin, reason } = error;
  if (plugin === 'webhook')
    return cause(
      'audit-webhook-unreachable',
      details(
        `the audit webhook does not take the events: ${reason}`,
        [...receiverRemedy(reason), 'keep a log beside the webhook, which loses nothing: kube-auditctl enable'],
        flagNames.webhookConfig,
      ),
    );
  if (plugin === 'buffered') {
    const whose = patient.audit?.webhook && patient.audit.webhook.mode !== 'blocking' ? 'webhook' : 'log';
    const flag = `audit-${whose}-batch-buffer-size`;
    return cause(
      'audit-buffer-full',
      details(
        `audit events are dropped: the buffer before the ${whose} is full (${reason})`,
        [
          whose === 'webhook'
            ? 'the receiver is slower than the events come, or away: look at its own log, and how long it takes'
            : 'the disk is slower than the events come: iostat -x 1 3',
          'log less of what nobody asks for: kube-auditctl policy lint FILE',
          `raise --${flag} (10000), and with --audit-${whose}-batch-throttle-enable also -throttle-qps; it costs memory of the API server`,
        ],
        flag,
      ),
    );
  }
  const path = logPathIn(reason) ?? patient.audit?.log?.containerPath ?? 'the audit log';
  const mends = plugin === 'log' ? logFinding(path, reason, '').remedy : [];
  return cause(
    'audit-events-lost',
    details(`audit events are lost (${plugin}): ${reason}`, [...mends, 'kube-auditctl verify']),
  );
}

function receiverRemedy(reason: string): string[] {
  const url = /"(https?:\/\/[^"?]+)/.exec(reason)?.[1];
  const host = /lookup (\S+?)[: ]/.exec(reason)?.[1] ?? (url === undefined ? 'HOST' : new URL(url).hostname);
  if (/no such host|server misbehaving/.test(reason))
    return /\.svc(?:\.|$)/.test(host)
      ? [
          'the API server asks the node’s resolver, which does not know the names of services: write the cluster IP into the webhook’s kubeconfig',
          `kubectl get service ${host.split('.')[0] ?? ''} -n ${host.split('.')[1] ?? 'default'} -o jsonpath={.spec.clusterIP}`,
        ]
      : [`getent hosts ${host}   on this node: it is the node’s resolver that is asked`];
  if (/x509|certificate|tls:/i.test(reason))
    return ['name the authority that signed the receiver’s certificate: kube-auditctl enable --webhook-ca FILE'];
  return [`curl -vk --max-time 5 ${url ?? 'URL'}   from this node`, 'look at the receiver’s own log'];
}

function ago(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
