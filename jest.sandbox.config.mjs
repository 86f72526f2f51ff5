/** The sandbox's own suite: the real kubectl, from PATH or as KUBECTL names it, against the sandbox's API server. */
import base from './jest.config.mjs';

export default {
  ...base,
  roots: ['<rootDir>/test/sandbox-suite'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 60_000,
  maxWorkers: 1,
};
