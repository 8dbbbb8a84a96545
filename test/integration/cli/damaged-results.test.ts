import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import * as z from 'zod';

const Shown = z.object({ results: z.unknown(), problems: z.array(z.string()) });

describe('results that cannot be read', () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'winnow-results-'));
  after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  const run = path.join(folder, 'family');
  cpSync(path.resolve('test', 'fixtures', 'plrd-small'), run, { recursive: true });
  const file = path.join(run, 'artifacts', 'results.json');
  const good = readFileSync(file, 'utf8');
  const winnow = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [path.resolve('dist', 'cli.js'), ...args, '--runs-dir', folder],
      { encoding: 'utf8' },
    );
    return { status, text: stdout + stderr, stdout };
  };
  const shown = () => Shown.parse(JSON.parse(winnow('show', 'family', '--json').stdout));

  for (const [what, text] of Object.entries({
    'no JSON': 'zzz',
    'cut off': good.slice(0, 90),
    'other JSON': '[]',
    'another digit': good.replace(/\d(?=\.\d)/, (digit) => String((Number(digit) + 1) % 10)),
  }))
    it(`are a problem that names the file and what to do: ${what}`, () => {
      writeFileSync(file, text);
      const { results, problems } = shown();
      assert.equal(results, null);
      assert.match(problems.join('\n'), /results\.json was damaged after it was written\. "winnow resume" rebuilds it/);
      assert.match(winnow('show', 'family').text, /results\.json was damaged/);
    });

  it('are a problem if they are missing though the run is done', () => {
    rmSync(file);
    assert.match(shown().problems.join('\n'), /results\.json is missing\. "winnow resume" rebuilds it/);
  });

  it('are kept if a newer version wrote them', () => {
    writeFileSync(file, '{"version": 7, "points": []}');
    assert.match(shown().problems.join('\n'), /newer version of Winnow wrote .*results\.json\. Update Winnow/);
    const { status, text } = winnow('resume', 'family');
    assert.equal(status, 1);
    assert.match(text, /is done/);
  });

  it('are no problem once they are whole', () => {
    writeFileSync(file, good);
    const { results, problems } = shown();
    assert.ok(results);
    assert.deepEqual(problems, []);
  });
});
