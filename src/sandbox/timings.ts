/** How time passes on the sandbox's node, by the Kubernetes version it is to behave as. */
import type { Timings } from './container';

const REAL = {
  fileCheck: 20_000,
  speed: 1,
  retry: 10_000,
  housekeeping: 2_000,
  backOff: 10_000,
  backOffMost: 300_000,
  backOffReset: 600_000,
  containerStart: 300,
  etcdDial: 20_000,
  logCleanup: 60_000,
  mirrorPod: 10_000,
} as const;

/** As measured on nodes of these versions; `fast` is shaped like 1.36, with every wait cut short. */
export const TIMINGS: Readonly<Record<'fast' | '1.20' | '1.36', Timings>> = {
  '1.20': { like: '1.20', ...REAL, besideOld: true, serverStart: 3_500 },
  '1.36': { like: '1.36', ...REAL, besideOld: false, serverStart: 2_500 },
  fast: {
    like: 'fast',
    besideOld: false,
    fileCheck: 2_000,
    speed: 30,
    retry: 400,
    housekeeping: 100,
    backOff: 400,
    backOffMost: 10_000,
    backOffReset: 600_000,
    containerStart: 20,
    serverStart: 300,
    etcdDial: 1_000,
    logCleanup: 2_000,
    mirrorPod: 300,
  },
};
