/**
 * The suite that runs a whole sandbox, from the built program (`npm run build` first), with real kubectl from the PATH or as
 * KUBECTL names it.
 */
import base from './jest.config.mjs';

export default {
  ...base,
  roots: ['<rootDir>/test/sandbox-suite'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 120_000,
  maxWorkers: 1,
};
