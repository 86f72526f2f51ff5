/** The suite that runs a whole sandbox, from the built program, with real kubectl: `npm run build` first. */
import base from './jest.config.mjs';

export default {
  ...base,
  roots: ['<rootDir>/test/sandbox-suite'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 120_000,
  maxWorkers: 1,
};
