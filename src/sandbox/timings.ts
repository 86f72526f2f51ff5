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

/** Every wait cut short; the shape is that of a version all the same. */
const FAST = {
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
} as const;

/** The versions' own are as measured on nodes of them. */
export const TIMINGS: Readonly<Record<'fast' | 'fast-1.20' | '1.20' | '1.36', Timings>> = {
  fast: { like: 'fast', ...FAST, besideOld: false },
  'fast-1.20': { like: 'fast-1.20', ...FAST, besideOld: true },
  '1.20': { like: '1.20', ...REAL, besideOld: true, serverStart: 3_500 },
  '1.36': { like: '1.36', ...REAL, besideOld: false, serverStart: 2_500 },
};
