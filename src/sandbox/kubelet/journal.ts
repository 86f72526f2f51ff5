/**
 * The node's journal as `journalctl -o json` prints it, a file of JSON lines. Rule: an entry is one line of text, as
 * journald takes them from the kubelet's stderr, and the file stays below its limit: the older half is dropped whole.
 */
import { appendFileSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';

const MOST_BYTES = 20 * 1024 * 1024;

export interface Journal {
  /** @param text several lines become several entries. */
  write(text: string): void;
}

export function openJournal(
  path: string,
  { pid, now, host, mostBytes = MOST_BYTES }: { pid: number; now: () => number; host: string; mostBytes?: number },
): Journal {
  let size = sizeOf(path);
  /** Unique across the kubelets that write here one after the other. */
  const sequence = `s=${pid.toString(16)}${Math.floor(now()).toString(16)}`;
  let count = 0;

  const entry = (line: string): string => {
    const micros = Math.floor(now() * 1000);
    return `${JSON.stringify({
      __CURSOR: `${sequence};i=${(++count).toString(16)};t=${micros.toString(16)}`,
      __REALTIME_TIMESTAMP: String(micros),
      _TRANSPORT: 'stdout',
      PRIORITY: '6',
      SYSLOG_FACILITY: '3',
      SYSLOG_IDENTIFIER: 'kubelet',
      _PID: String(pid),
      _COMM: 'kubelet',
      _HOSTNAME: host,
      _SYSTEMD_UNIT: 'kubelet.service',
      MESSAGE: line,
    })}\n`;
  };

  return {
    write(text) {
      const lines = text.split('\n').map(entry).join('');
      appendFileSync(path, lines, { mode: 0o600 });
      size += Buffer.byteLength(lines);
      if (size <= mostBytes) return;
      dropOlderHalf(path);
      size = sizeOf(path);
    },
  };
}

function dropOlderHalf(path: string): void {
  const bytes = readFileSync(path);
  const from = bytes.indexOf(10, Math.floor(bytes.length / 2)) + 1;
  writeFileSync(`${path}.new`, bytes.subarray(from), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
