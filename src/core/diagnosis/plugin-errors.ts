/**
 * What the server says of audit events that it could not deliver: no health check shows it. Sources:
 * apiserver/pkg/audit/metrics.go (HandlePluginError), apiserver/plugin/pkg/audit/buffered (queue blocked).
 */
import type { ContainerLog } from '../evidence';
import { wordsOf } from '../klog';

export interface PluginError {
  /** log, webhook; buffered: the queue before one of them. */
  plugin: string;
  reason: string;
  at: number;
  log: ContainerLog;
  /** The line as it stands. */
  raw: string;
}

const LOST = /Error in audit plugin '(\w+)' affecting \d+ audit events?: ([^\n]*)/;

/** The newest of each plugin. */
export function pluginErrors(logs: readonly ContainerLog[]): PluginError[] {
  const newest = new Map<string, PluginError>();
  for (const log of logs)
    for (const { at, text } of log.lines) {
      // Thousands of lines, few of them of this kind: only those are taken apart.
      if (!text.includes('Error in audit plugin')) continue;
      const match = LOST.exec(wordsOf(text));
      const plugin = match?.[1] ?? '';
      if (match && at >= (newest.get(plugin)?.at ?? 0))
        newest.set(plugin, { plugin, reason: (match[2] ?? '').trim(), at, log, raw: text });
    }
  return [...newest.values()];
}

/** The file that the system's words name. */
export function logPathIn(reason: string): string | undefined {
  return /(?:open|rename|mkdir|write) (\/\S+?):? /.exec(reason)?.[1];
}
