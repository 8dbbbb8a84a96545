import assert from 'node:assert/strict';
import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readRun } from '../../../core/experiments/library/store';
import { curve, Programs } from './programs';

describe('two runs of one program that write the same files', { skip: process.platform === 'win32' }, () => {
  let programs: Programs;
  before(async () => {
    programs = await Programs.open();
    // Adds its rate to a weight in each epoch, and saves it; waits where it is told to.
    await programs.program(
      'train',
      [
        "const fs = require('node:fs');",
        "const value = (name) => { const at = process.argv.indexOf('--' + name); return at < 0 ? undefined : process.argv[at + 1]; };",
        "const from = value('resume');",
        'let { epoch, w } = from ? JSON.parse(fs.readFileSync(from)) : { epoch: 0, w: 0 };',
        "fs.mkdirSync('out', { recursive: true });",
        '(async () => {',
        '  while (epoch < 4) {',
        '    epoch++;',
        "    w += Number(value('lr'));",
        "    console.log('epoch ' + epoch + ' loss ' + w);",
        "    fs.writeFileSync('out/ckpt-' + epoch + '.json', JSON.stringify({ epoch, w }));",
        "    while (epoch === 2 && fs.existsSync('wait')) await new Promise((resolve) => setTimeout(resolve, 50));",
        '  }',
        '})();',
      ],
      {
        parameters: { lr: 1 },
        checkpoints: ['out/ckpt-*.json'],
        resume: { arguments: ['--resume', '${checkpoint}'] },
      },
    );
  });
  after(async () => {
    await programs.close();
  });

  it('a run that is resumed does not go on from the other one, and each says what became of its files', async () => {
    const said = (...args: string[]) => {
      const { code, stdout, stderr } = programs.winnow(...args);
      return { code, text: stdout + stderr };
    };
    await writeFile(programs.file('wait'), '');
    const first = await programs.start('train');
    await programs.until('its checkpoints', async () => (await readRun(first.dir)).checkpoints.length === 2);
    assert.equal(said('stop', first.id).code, 0);

    const plan = said('plan', 'train.winnow.json').text;
    assert.match(plan, new RegExp(`warning: ckpt-1.json and 1 more are checkpoints of the run ${first.id}`));
    await rm(programs.file('wait'));
    const second = said('run', 'train.winnow.json', '--set', 'parameters.lr=100');
    assert.equal(second.code, 0);
    assert.match(second.text, new RegExp(`checkpoints of the run ${first.id}`));
    const shown = said('show', first.id).text;
    assert.match(shown, /ckpt-1\.json +changed since: .*ckpt-1\.json was overwritten by another run or program/);
    assert.doesNotMatch(shown, /ckpt-\d\.json +epoch|ckpt-\d\.json +step/);
    const { checkpoints } = JSON.parse(said('show', first.id, '--json').text) as { checkpoints: { state: string }[] };
    assert.deepEqual(
      checkpoints.map(({ state }) => state),
      ['changed', 'changed'],
    );

    const refused = said('resume', first.id);
    assert.notEqual(refused.code, 0);
    assert.match(refused.text, /no checkpoint left to resume from: .*winnow rerun/s);
    assert.equal((await readRun(first.dir)).state, 'stopped', 'nothing was started');

    // The one before the last is put back.
    await writeFile(programs.file('out', 'ckpt-1.json'), JSON.stringify({ epoch: 1, w: 1 }));
    const resumed = said('resume', first.id);
    assert.equal(resumed.code, 0, resumed.text);
    assert.match(resumed.text, /ckpt-2\.json is not used: it was overwritten/);
    assert.match(await readFile(path.join(first.dir, 'log.txt'), 'utf8'), /--resume \S.*ckpt-1\.json/);
    assert.deepEqual(curve(await readRun(first.dir), 'loss').at(-1), [4, 4], 'its own weight, not that of the other');
    assert.deepEqual(JSON.parse(await programs.text('out', 'ckpt-4.json')), { epoch: 4, w: 4 });
  });
});
