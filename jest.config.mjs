/** Unit and scenario tests: TypeScript is stripped by esbuild, types are `npm run types`' business. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: [
    '/node_modules/',
    '<rootDir>/test/e2e/',
    '<rootDir>/test/sandbox-suite/',
    '<rootDir>/test/shipping/',
  ],
  transform: { '\\.ts$': '<rootDir>/test/support/transform.cjs' },
  // yaml ships CommonJS beside its browser build; Jest would otherwise pick the latter.
  testTimeout: 60000,
};
