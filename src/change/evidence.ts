/** Copies what was seen of a failure into the record, before the kubelet cleans it away. Best effort: it stops nothing. */
import { messageOf } from '../core/errors';
import type { Sight } from '../core/evidence';
import type { Finding } from '../core/finding';
import type { Ports } from './ports';
import type { Change } from './settle';

export async function saveEvidence(
  ports: Ports,
  change: Change,
  sight: Sight,
  cause: Finding,
): Promise<{ evidencePath?: string }> {
  const line = ({ at, text }: { at: number; text: string }): string => `${new Date(at).toISOString()} ${text}\n`;
  const logs = sight.pods
    .flatMap((pod) => pod.logs)
    .map((log) => ({ name: `${log.container}-${log.uid}-${log.restart}.log`, text: log.lines.map(line).join('') }));
  const evidence = [
    { name: 'cause.json', text: `${JSON.stringify(cause, null, 2)}\n` },
    { name: 'kubelet.log', text: sight.kubelet.map(line).join('') },
    {
      name: 'processes.txt',
      text: sight.processes
        .map(({ pid, startedAt, argv }) => line({ at: startedAt, text: `${pid} ${argv.join(' ')}` }))
        .join(''),
    },
    ...logs,
  ].filter(({ text }) => text !== '');
  try {
    return { evidencePath: await change.store.saveEvidence(change.record.id, evidence) };
  } catch (error) {
    change.notes.push(`the evidence could not be saved: ${messageOf(error)}`);
    ports.report({ kind: 'note', text: change.notes.at(-1) ?? '' });
    return {};
  }
}
