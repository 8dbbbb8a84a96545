import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import * as z from 'zod';
import { RunStore } from '../../../core/experiments/library/store';
import { LANGUAGE } from '../../../core/protocol/language';
import { pseudo, pseudoBundle } from '../../pseudo';

const DIST = path.resolve('dist');
const Failure = z.object({ error: z.object({ code: z.string(), message: z.string(), hint: z.string() }) });

/** Runs the command line in a language. @param flags of Node */
function winnow(language: string | undefined, args: readonly string[], dist = DIST, flags: readonly string[] = []) {
  return spawnSync(process.execPath, [...flags, path.join(dist, 'cli.js'), ...args], {
    encoding: 'utf8',
    // A variable that is undefined is not passed on.
    env: { ...process.env, [LANGUAGE]: language },
  });
}

describe('the language of the command line', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'winnow-language-'));
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const bundle = path.join(folder, 'bundle.l10n.qps-ploc.json');
  writeFileSync(bundle, JSON.stringify(pseudoBundle()));
  const damaged = path.join(folder, 'damaged.json');
  writeFileSync(damaged, '{"Check');

  const spec = path.join(folder, 'missing.winnow.json');
  const said = { message: 'Cannot read the spec {0}.', hint: 'Check the path of the file.' };
  const failureIn = (language: string | undefined, ...installed: [dist?: string, flags?: readonly string[]]) =>
    Failure.parse(JSON.parse(winnow(language, ['validate', spec, '--json'], ...installed).stdout)).error;
  const inEnglish = { code: 'spec.unreadable', message: said.message.replace('{0}', spec), hint: said.hint };
  const translated = {
    code: 'spec.unreadable',
    message: pseudo(said.message).replace('{0}', spec),
    hint: pseudo(said.hint),
  };

  it('is English without one, in one that there is no bundle of, and where the bundle cannot be read', () => {
    for (const language of [undefined, '', 'en', 'tlh', '../../bundle', damaged, path.join(folder, 'none.json')])
      assert.deepEqual(failureIn(language), inEnglish, String(language));
  });

  it('is English with a note on stderr if a name or a bundle is wrong', () => {
    const noteOf = (language: string) => winnow(language, ['methods', '--json']).stderr;
    assert.match(noteOf('tlh'), /note: WINNOW_LANGUAGE: there is no translation for "tlh"\./);
    assert.match(noteOf(damaged), /note: WINNOW_LANGUAGE: .*damaged\.json cannot be read: .+\.\n$/);
    for (const english of ['', 'en', 'en-US']) assert.equal(noteOf(english), '');
  });

  it('is that of a bundle: codes stay, and what is inserted is where it belongs', () => {
    assert.deepEqual(failureIn(bundle), translated);
    const { stderr } = winnow(bundle, ['validate', spec]);
    assert.ok(stderr.includes(translated.message) && stderr.includes(translated.hint), stderr);
  });

  it('is found by its name where it lies with the others', () => {
    const installed = path.join(folder, 'installed');
    mkdirSync(path.join(installed, 'extension', 'l10n'), { recursive: true });
    writeFileSync(path.join(installed, 'extension', 'l10n', 'bundle.l10n.pt-br.json'), JSON.stringify(pseudoBundle()));
    symlinkSync(DIST, path.join(installed, 'dist'), 'junction');
    const there = (language: string) =>
      failureIn(language, path.join(installed, 'dist'), ['--preserve-symlinks', '--preserve-symlinks-main']);
    assert.deepEqual(there('pt-br'), translated);
    assert.deepEqual(there('pt-BR'), translated);
    assert.deepEqual(there('de'), inEnglish);
  });

  it('is that of the worker, too, which leaves it in its run', async () => {
    const file = path.join(folder, 'failing.winnow.json');
    writeFileSync(file, JSON.stringify({ method: 'command', command: 'exit 3' }));
    const runsDir = path.join(folder, 'runs');
    assert.equal(winnow(bundle, ['run', file, '--runs-dir', runsDir]).status, 1);
    const [run] = await new RunStore(runsDir).list();
    assert.ok(run && 'status' in run);
    assert.deepEqual(run.status.reason, {
      code: 'command.failed',
      message: pseudo('The program exited with code {0}. {1}')
        .replace('{0}', '3')
        .replace('{1}', pseudo('It printed nothing.')),
      hint: pseudo('Start it by hand to see more.'),
    });
  });
});
