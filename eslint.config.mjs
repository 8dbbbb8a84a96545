import js from '@eslint/js';
import tseslint from 'typescript-eslint';

/** Writes that no guard sees: see `core/files.ts` and `Lease`. */
const UNGUARDED = ['appendFile', 'copyFile', 'cp', 'rename', 'rm', 'rmdir', 'truncate', 'unlink', 'writeFile'];
const unguardedWrites = ['node:fs', 'node:fs/promises'].map((name) => ({
  name,
  importNames: [...UNGUARDED, ...UNGUARDED.map((call) => `${call}Sync`), 'createWriteStream'],
  message: 'use core/files: it asks whether this worker may still write into its run directory',
}));
/** A number that is closed belongs to the next file that is opened. */
const writesByNumber = {
  name: 'node:fs',
  importNames: ['write', 'writeSync', 'writev', 'writevSync', 'ftruncate', 'ftruncateSync'],
  message: 'use AppendFile, which forgets the number of a file that it closes',
};
/** A text that a person reads. Symbols and units (Q, K=V, SVG) have no two small letters in a row. */
const WORDS = ':matches(Literal[value=/[a-z]{2}/], TemplateLiteral:has(> TemplateElement[value.raw=/[a-z]{2}/]))';
const CHOICE = ':matches(ConditionalExpression, LogicalExpression)';
const refuse = (message, ...selectors) => selectors.map((selector) => ({ selector, message }));
const UNTRANSLATED = 'use l10n.t: people read this in their language';
const TRANSLATION = ":matches([object.name='l10n'], [object.property.name='l10n'])[property.name='t']";
const translations = [
  ...refuse(
    UNTRANSLATED,
    // The first argument is the code, which is for programs.
    `NewExpression[callee.name='UserError'] > ${WORDS}:not(:first-child)`,
    `NewExpression[callee.name='UserError'] > ${CHOICE} > ${WORDS}`,
    `NewExpression[callee.name='UserError'] > ${CHOICE} > ${CHOICE} > ${WORDS}`,
  ),
  ...refuse(
    'this runs before the language is known: make it a function',
    `MemberExpression${TRANSLATION}:not(:function *)`,
  ),
  ...refuse(
    'translators never see this text: write it here, or say where it is in the bundle',
    ":matches(CallExpression[callee.object.name='l10n'], CallExpression[callee.object.property.name='l10n'])[callee.property.name='t'] > :not(Literal, TemplateLiteral, ObjectExpression):first-child",
  ),
];
const noSyntax = (...selectors) => ({ 'no-restricted-syntax': ['error', ...selectors] });
const guards = (...paths) => ({ 'no-restricted-imports': ['error', { paths }] });

/** Attributes and properties of the panels that people read, or have read to them. */
const READ = '/^(alt|aria-label|aria-valuetext|caption|description|label|placeholder|title)$/';
const readable = `:matches(JSXAttribute[name.name=${READ}], JSXElement, JSXFragment) > JSXExpressionContainer`;
const panelTexts = refuse(
  UNTRANSLATED,
  'JSXText[value=/[a-z]{2}/]',
  ...[
    `JSXAttribute[name.name=${READ}]`,
    readable,
    `${readable} > ${CHOICE}`,
    `Property[key.name=${READ}]`,
    `Property[key.name=${READ}] > ${CHOICE}`,
  ].map((place) => `${place} > ${WORDS}`),
);

export default tseslint.config(
  { ignores: ['dist/', 'dist-*/', 'node_modules/', 'runs/', '.winnow/'] },
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
  { files: ['core/**/*.ts', 'extension/**/*.ts'], rules: noSyntax(...translations) },
  { files: ['webview/**/*.{ts,tsx}'], rules: noSyntax(...translations, ...panelTexts) },
  {
    files: ['core/**/*.ts'],
    ignores: ['core/experiments/run/append-file.ts'],
    rules: guards(writesByNumber),
  },
  {
    files: ['core/methods/**/*.ts', 'core/comparison/**/*.ts', 'core/training/**/*.ts', 'core/models/**/*.ts'],
    rules: guards(writesByNumber, ...unguardedWrites),
  },
  {
    files: ['core/cli/**/*.ts', 'core/cli.ts'],
    ignores: ['core/cli/terminal.ts'],
    rules: {
      'no-console': 'error',
      ...noSyntax(
        {
          selector:
            "CallExpression[callee.property.name='write'][callee.object.property.name=/^(stdout|stderr|stream)$/]",
          message: 'print through core/cli/terminal.ts: what comes out of files must not command the terminal',
        },
        ...translations,
      ),
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: { '@typescript-eslint/no-floating-promises': 'off' }, // node:test's describe/it return promises that the runner awaits
  },
  {
    files: ['**/*.cjs'],
    languageOptions: {
      sourceType: 'commonjs',
      globals: { require: 'readonly', exports: 'writable', Buffer: 'readonly', console: 'readonly' },
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
