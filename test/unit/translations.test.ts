import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';

interface Texts {
  readonly englishBundle: (root: string, methods: unknown) => string;
}
// A script of the build is no part of the test's bundle.
const { englishBundle } = (await import(pathToFileURL(path.resolve('build', 'l10n.mjs')).href)) as Texts;

const BUNDLE = path.join('extension', 'l10n', 'bundle.l10n.json');

describe('texts that can be translated', () => {
  it('stand in the bundle that translators get, and no others: npm run l10n writes it', () => {
    const methods = JSON.parse(readFileSync(path.join('dist', 'methods.json'), 'utf8')) as unknown;
    const lines = (text: string) => text.split('\n');
    assert.deepEqual(lines(readFileSync(BUNDLE, 'utf8')), lines(englishBundle('.', methods)));
    const { l10n: folder } = z.object({ l10n: z.string() }).parse(JSON.parse(readFileSync('package.json', 'utf8')));
    assert.equal(folder, './extension/l10n');
  });

  describe('are found', () => {
    const root = mkdtempSync(path.join(os.tmpdir(), 'winnow-texts-'));
    after(() => {
      rmSync(root, { recursive: true, force: true });
    });
    const bundleOf = (source: string, methods: unknown = []) => {
      mkdirSync(path.join(root, 'core'), { recursive: true });
      writeFileSync(path.join(root, 'core', 'file.ts'), source);
      return JSON.parse(englishBundle(root, methods)) as Record<string, unknown>;
    };

    it('by calls and by templates, inside of others, with comments, with every character as it is shown', () => {
      const found = bundleOf(String.raw`
        l10n.t('It\'s "one" \\ \u2019'); vscode.l10n.t("two {0}", l10n.t('inner'));
        l10n.t${'`three ${x} of ${l10n.t`four ${y}`}, \\`five\\``'}; l10n.t(${'`six`'});
        l10n.t({ message: 'off', comment: ['A state', ' of a run'], args: [] });
        l10n.t(unknown); other.t('no text'); t('none either');`);
      assert.deepEqual(found, {
        'It\'s "one" \\ ’': 'It\'s "one" \\ ’',
        'four {0}': 'four {0}',
        inner: 'inner',
        'off/A state of a run': { message: 'off', comment: ['A state', ' of a run'] },
        six: 'six',
        'three {0} of {1}, `five`': 'three {0} of {1}, `five`',
        'two {0}': 'two {0}',
      });
      // As the library looks them up.
      l10n.config({ contents: { 'three {0} of {1}, `five`': '{1} · {0}' } });
      assert.equal(l10n.t`three ${3} of ${'four'}, \`five\``, 'four · 3');
      l10n.config({ contents: {} });
    });

    it('in what methods say of themselves', () => {
      const starting = [
        { model: { key: 'parent', without: 'None' }, budgets: [{ label: 'First', values: { lr: 1 } }] },
      ];
      assert.deepEqual(bundleOf('', [{ name: 'plain', title: 'Plain', starting }]), {
        First: 'First',
        None: 'None',
        Plain: 'Plain',
      });
    });

    it('and refused, with their place, where a number in braces of their own would be replaced', () => {
      assert.throws(() => bundleOf('\n\nl10n.t`a {0} of ${x}`'), /file\.ts:3: its own \{0\} would be replaced/);
    });
  });
});
