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
/** A text that a person reads; what is made of inserted texts alone has no words of its own. */
const WORDS = ':matches(Literal[value=/[a-z]{2}/i], TemplateLiteral:has(> TemplateElement[value.raw=/[a-z]{2}/i]))';
const CHOICE = ':matches(ConditionalExpression, LogicalExpression)';
/** The first argument is the code, which is for programs. */
const untranslated = ['', ` > ${CHOICE}`, ` > ${CHOICE} > ${CHOICE}`].map((inside) => ({
  selector: `NewExpression[callee.name='UserError']${inside} > ${WORDS}${inside === '' ? ':not(:first-child)' : ''}`,
  message: 'use l10n.t: people read this in their language',
}));
const translatedTooEarly = {
  selector:
    ":matches(MemberExpression[object.name='l10n'], MemberExpression[object.property.name='l10n'])[property.name='t']:not(:function *)",
  message: 'this runs before the language is known: make it a function',
};
/** `npm run l10n` finds what is written there. */
const unknownText = {
  selector:
    ":matches(CallExpression[callee.object.name='l10n'], CallExpression[callee.object.property.name='l10n'])[callee.property.name='t'] > :not(Literal, TemplateLiteral, ObjectExpression):first-child",
  message: 'translators never see this text: write it here, or say where it is in the bundle',
};
const translations = [...untranslated, translatedTooEarly, unknownText];
const noSyntax = (...selectors) => ({ 'no-restricted-syntax': ['error', ...selectors] });
const guards = (...paths) => ({ 'no-restricted-imports': ['error', { paths }] });

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
  { files: ['core/**/*.ts', 'extension/**/*.ts', 'webview/**/*.{ts,tsx}'], rules: noSyntax(...translations) },
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
