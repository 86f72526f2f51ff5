// Jest transform: one esbuild call a file. No hoisting of mocks: this project has none, effects come in through ports.
const { transformSync, version } = require('esbuild');
const { createHash } = require('node:crypto');

// As in the bundle, an import() is a require(): Jest has no loader for modules in its sandbox.
const options = {
  loader: 'ts',
  format: 'cjs',
  target: 'node20',
  supported: { 'dynamic-import': false },
  sourcemap: 'inline',
};

module.exports = {
  getCacheKey: (source, path) =>
    createHash('sha256').update(version).update(JSON.stringify(options)).update(path).update(source).digest('hex'),
  process: (source, path) => transformSync(source, { ...options, sourcefile: path }),
};
