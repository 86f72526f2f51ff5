/** A container's shim: `node shim.cjs RUN/containers/ID`. Started by the kubelet, and left behind when that ends. */
import { runShim } from '../kubelet/runtime/shim';

const [, , dir = ''] = process.argv;

runShim(dir).catch((error: unknown) => {
  process.stderr.write(`shim: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
