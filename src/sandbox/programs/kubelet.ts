/** The sandbox's kubelet: `node kubelet.cjs --dir DIR`. SIGTERM ends it; its containers run on. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { startKubelet } from '../kubelet/kubelet';

try {
  const { values } = parseArgs({ options: { dir: { type: 'string' } } });
  if (values.dir === undefined) throw new Error('usage: kubelet --dir DIR');
  const kubelet = startKubelet(resolve(values.dir), __dirname);
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    void kubelet.stop();
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  process.on('SIGHUP', () => undefined);
} catch (error) {
  process.stderr.write(`kubelet: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
