import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** The import walls: `extension -> core`, `webview -> core/protocol` types only, `core` knows neither VS Code nor a DOM. */
const wall = (...patterns) => ({ 'no-restricted-imports': ['error', { patterns }] });

export default tseslint.config(
  { ignores: ['dist/', 'dist-*/', 'node_modules/', 'runs/'] },
  js.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
  },
  {
    files: ['**/*.ts', '**/*.tsx'],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-non-null-assertion': 'off', // typed-array reads inside checked loops
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/consistent-type-definitions': 'off', // a tree of tensors must be a type: an interface has no index signature
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off', // does not end on recursive types such as Tree
      '@typescript-eslint/no-unnecessary-condition': [
        'error',
        { allowConstantLoopConditions: 'only-allowed-literals' },
      ],
    },
  },
  {
    files: ['core/**/*.ts'],
    rules: wall({
      group: ['vscode', '**/extension/**', '**/webview/**', '**/test/**'],
      message: 'core runs in plain Node: it knows neither VS Code nor the panels',
    }),
  },
  {
    files: ['core/cli/**/*.ts', 'core/cli.ts'],
    ignores: ['core/cli/terminal.ts'],
    rules: {
      'no-console': 'error',
      'no-restricted-syntax': [
        'error',
        {
          selector:
            "CallExpression[callee.property.name='write'][callee.object.property.name=/^(stdout|stderr|stream)$/]",
          message: 'print through core/cli/terminal.ts: what comes out of files must not command the terminal',
        },
      ],
    },
  },
  {
    files: ['extension/**/*.ts'],
    rules: wall({
      group: ['**/webview/**', '**/test/**'],
      message: 'the extension talks to the panels through core/protocol only',
    }),
  },
  {
    files: ['webview/**/*.ts', 'webview/**/*.tsx'],
    rules: wall(
      { regex: '/core/(?!protocol/)', message: 'panels know core/protocol types only' },
      { group: ['vscode', 'node:*', '**/extension/**'] },
    ),
  },
  {
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-floating-promises': 'off' }, // node:test's describe/it return promises that the runner awaits
  },
  {
    files: ['**/*.cjs'],
    languageOptions: {
      sourceType: 'commonjs',
      globals: { require: 'readonly', exports: 'writable', Buffer: 'readonly' },
    },
    rules: { '@typescript-eslint/no-require-imports': 'off' },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: {
      globals: { process: 'readonly', console: 'readonly', Buffer: 'readonly', setTimeout: 'readonly' },
    },
  },
);
