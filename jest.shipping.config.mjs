/** The shipping configurations, really run: rsyslogd, python3 and openssl of this machine, the programs that docs/shipping.md names. */
import base from './jest.config.mjs';

export default {
  ...base,
  roots: ['<rootDir>/test/shipping'],
  testPathIgnorePatterns: ['/node_modules/'],
  testTimeout: 90_000,
  maxWorkers: 1,
};
