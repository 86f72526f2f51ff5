/** What takes audit events, and where their loss is told. */
import type { Klog } from '../klog';
import type { Metrics } from '../metrics';
import { legacyLine, type AuditEvent } from './event';

export interface Backend {
  /** False: at least one of them was not stored; it has been told. Never rejects. */
  process(events: readonly AuditEvent[]): boolean | Promise<boolean>;
  /** Takes nothing more; what was taken is written, or its loss told. */
  close(): Promise<void>;
}

export type Report = (plugin: string, error: string, events: readonly AuditEvent[]) => void;

/** Counts and logs lost events (apiserver/pkg/audit/metrics.go). @param minor of the server's version 1.N. */
export function reporter(klog: Klog, metrics: Metrics, minor: number): Report {
  return (plugin, error, events) => {
    metrics.auditErrors.add(plugin, events.length);
    const lost = events.map((event) => `${legacyLine(event, minor)}\n`).join('');
    const head = `Error in audit plugin '${plugin}' affecting ${events.length} audit events: ${error}`;
    klog.error('metrics.go:110', `${head}\nImpacted events:\n${lost.trimEnd()}`);
  };
}

/** Every backend gets every event. */
export function union(backends: readonly Backend[]): Backend {
  return {
    process(events) {
      return allStored(backends.map((backend) => backend.process(events)));
    },
    async close() {
      await Promise.all(backends.map((backend) => backend.close()));
    },
  };
}

/** The answers of several calls as one: true when all of them are. */
export function allStored(answers: readonly (boolean | Promise<boolean>)[]): boolean | Promise<boolean> {
  if (answers.every((answer) => typeof answer === 'boolean')) return answers.every(Boolean);
  return Promise.all(answers.map((answer) => Promise.resolve(answer))).then((all) => all.every(Boolean));
}

/** In mode blocking a loss is told, and the request goes on (server/options/audit.go, ignoreErrorsBackend). */
export function ignoringErrors(backend: Backend): Backend {
  return {
    process(events) {
      const answer = backend.process(events);
      return typeof answer === 'boolean' ? true : answer.then(() => true);
    },
    close: () => backend.close(),
  };
}
