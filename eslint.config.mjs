// The house's walls. Each folder may import only what its job needs; the message says why.
import tseslint from 'typescript-eslint';

const nodeModules = { regex: '^node:', message: '' };
const wall = (folder, reason, forbidden, extra = {}) => ({
  files: [`src/${folder}/**/*.ts`],
  rules: {
    'no-restricted-imports': [
      'error',
      { patterns: forbidden.map((regex) => ({ regex, message: `${folder}: ${reason}` })) },
    ],
    ...extra,
  },
});
const noGlobals = (reason, names) => ({
  'no-restricted-globals': ['error', ...names.map((name) => ({ name, message: reason }))],
});
// `import type` of a port is fine everywhere; the pattern rules below are about values.
const from = (...folders) => `^(\\.\\.?/)+(${folders.join('|')})(/|$)`;
const effects = ['process', 'console', 'setTimeout', 'setInterval', 'setImmediate', 'fetch'];

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'coverage/', 'fixtures/'] },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.strictTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-non-null-assertion': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unnecessary-condition': 'off', // index access is checked by the compiler
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-restricted-syntax': [
        'error',
        {
          selector: "CallExpression[callee.object.name='process'][callee.property.name='exit']",
          message: 'Set the exit code in main.ts: process.exit() loses piped output that is not flushed yet.',
        },
        {
          selector: "CallExpression[callee.property.name=/^(exec|execSync)$/][callee.object.name='child_process']",
          message: 'No shell strings: execFile or spawn with an argument array.',
        },
        {
          selector: 'Property[key.name="shell"][value.value=true]',
          message: 'No shell strings: execFile or spawn with an argument array.',
        },
      ],
    },
  },
  {
    files: ['**/*.mjs', '**/*.cjs'],
    extends: [tseslint.configs.base],
  },
  wall(
    'core',
    'pure: values in, values out. Only core, yaml and diff may be imported; effects come in as arguments.',
    ['^node:', '^(?!\\.|yaml$|diff$)', from('change', 'cli', 'output', 'system', 'sandbox')],
    noGlobals('core is pure: no clock, no console, no process. Take the value as an argument.', effects),
  ),
  {
    files: ['src/core/**/*.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'Date', property: 'now', message: 'core has no clock: take the time as an argument.' },
        { object: 'Math', property: 'random', message: 'core is deterministic: take the value as an argument.' },
      ],
    },
  },
  wall(
    'change',
    'the story: effects only through ports. Adapters and renderers are handed in by main.ts.',
    ['^node:', '^(?!\\.)', from('cli', 'output', 'system', 'sandbox')],
    noGlobals('change has no effects of its own: use a port.', effects),
  ),
  wall(
    'output',
    'renderers: value -> string. They read core types and events, and write nothing.',
    ['^node:', '^(?!\\.|picocolors$|diff$)', from('cli', 'system', 'sandbox')],
    noGlobals('a renderer returns its string; main.ts writes it.', effects),
  ),
  wall('system', 'adapters decide nothing: ports, core types and I/O libraries only.', [
    from('cli', 'output', 'sandbox'),
  ]),
  wall('sandbox', 'the stand-in node: core, types of ports, and Node.js. The tool knows nothing of it but its files.', [
    from('cli', 'output', 'system', 'change/(?!ports$)[^/]+'),
  ]),
  {
    files: ['src/**/*.ts'],
    ignores: ['src/system/cluster.ts'],
    rules: {
      '@typescript-eslint/no-restricted-imports': [
        'error',
        {
          paths: [
            {
              name: '@kubernetes/client-node',
              message: 'Only system/cluster.ts imports it, lazily: it costs a quarter of a second and 60 MB.',
              allowTypeImports: true,
            },
          ],
        },
      ],
    },
  },
  wall(
    'cli',
    'the command face: flags in, exit code out; adapters are handed in by main.ts.',
    ['^node:', from('system', 'sandbox')],
    noGlobals('only main.ts reads process.', ['process', 'console']),
  ),
  {
    files: ['test/**/*.ts', 'bench/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-misused-spread': 'off',
      '@typescript-eslint/no-confusing-void-expression': 'off',
    },
  },
);
