/** The end-to-end suite: one real node, named by KUBE_AUDITCTL_NODE; its tests run one after the other. */
import base from './jest.config.mjs';

export default {
  ...base,
  roots: ['<rootDir>/test/e2e'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 600_000,
  maxWorkers: 1,
  testSequencer: '<rootDir>/test/e2e/in-order.cjs',
};
