/** A server that is down already cannot be told from one that the change broke; and a rollback would prove nothing. */
import { messageOf } from '../../core/errors';
import type { Check } from './preflight';

export const apiAnswers: Check = async ({ node }, { live, dryRun }) => {
  // A manifest that cannot be read is what it is down for, or will be soon.
  if (live.broken) return [];
  // Half of a dry run's time would go into one TLS handshake. That a server listens is told by /proc.
  if (dryRun && (await node.processes(live.endpoint.port)).some(({ listening }) => listening)) return [];
  const { host, port } = live.endpoint;
  const where = `https://${host.includes(':') ? `[${host}]` : host}:${port}/readyz`;
  let detail: string;
  try {
    const answer = await node.request(live.endpoint, { method: 'GET', path: '/readyz', timeoutMs: 10_000 });
    if (answer.status === 200) return [];
    detail = `HTTP ${answer.status}: ${
      answer.body
        .split('\n')
        .filter((line) => line.startsWith('[-]'))
        .join(' ') || answer.body.slice(0, 200)
    }`;
  } catch (error) {
    detail = messageOf(error);
  }
  return [
    {
      code: 'api-not-ready',
      severity: 'error',
      title: `the API server is not ready before the change: ${where} does not answer ok`,
      detail,
      remedy: [
        'crictl ps -a --name kube-apiserver',
        'mend it first; to write the manifest all the same: --ignore api-not-ready',
      ],
    },
  ];
};
