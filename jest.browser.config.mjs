/** The report in a real browser: Chromium on the PATH, or named by KUBE_AUDITCTL_BROWSER. */
import base from './jest.config.mjs';

export default {
  ...base,
  roots: ['<rootDir>/test/browser'],
  testMatch: ['**/*.browser.ts'],
  testTimeout: 60_000,
  maxWorkers: 1,
};
