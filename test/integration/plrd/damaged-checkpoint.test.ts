import assert from 'node:assert/strict';
import { cp, mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import type { Named } from '../../../core/engine/optimizer';
import type { HostTensor } from '../../../core/engine/host';
import { readMeta, requireIntact, type CheckpointMeta } from '../../../core/checkpoint/training-state';
import { anyFlip, flip } from '../../bit-flip';
import fc from '../../fast-check';
import { Nursery } from './nursery';

/** Both checkpoints of a training that was cut after its third step; every test has a copy of its own. */
describe('a checkpoint that was damaged after it was written', () => {
  let nursery: Nursery;
  let whole: Named<HostTensor>;
  let checkpoints: string;
  let last: string;
  let previous: string;
  before(async () => {
    nursery = await Nursery.open();
    whole = (await nursery.train('whole', { checkpointSeconds: 1e-9 })).trained.parameters;
    checkpoints = nursery.checkpoints('damaged');
    last = path.join(checkpoints, 'last');
    previous = path.join(checkpoints, '.previous-last');
  });
  after(() => nursery.close());
  const restore = async () => {
    await rm(checkpoints, { recursive: true, force: true });
    await cp(nursery.checkpoints('whole'), checkpoints, { recursive: true });
  };
  beforeEach(restore);

  const damages: Record<string, (file: string) => Promise<void>> = {
    'is missing': (file) => rm(file),
    'is cut': async (file) => truncate(file, Math.floor((await readFile(file)).length / 2)),
    'is empty': (file) => truncate(file, 0),
    'holds something else': async (file) => writeFile(file, Buffer.alloc((await readFile(file)).length, 0x20)),
  };
  const files = ['config.json', 'meta.json', 'model.safetensors', 'optimizer.safetensors', 'tokenizer.json'];

  it('the two are of the last steps, and only one is for people to see', async () => {
    assert.deepEqual((await readdir(checkpoints)).sort(), ['.previous-last', 'last']);
    assert.deepEqual((await readdir(last)).sort(), files);
    assert.deepEqual([(await readMeta(last))?.step, (await readMeta(previous))?.step], [3, 2]);
  });

  for (const [what, damage] of Object.entries(damages))
    it(`${what}: the one before is taken, the log says so, and the run ends with the same bits`, async () => {
      for (const file of files) {
        await restore();
        await damage(path.join(last, file));
        const { trained, told, asked, events } = await nursery.train('damaged');
        assert.match(told.join('\n'), new RegExp(`${file.replace('.', '\\.')} .*the one before it, of step 2`), file);
        assert.deepEqual(asked, [4, 5, 6, 7], file);
        assert.deepEqual(trained.parameters, whole, file);
        assert.deepEqual(
          events.filter(({ type }) => type === 'checkpoint').map((event) => 'step' in event && event.step),
          [2],
        );
        assert.equal((await readMeta(last))?.step, 2, 'the whole one takes the place of the damaged one');
      }
    });

  it('is refused with what to do where there is none before it, or that is damaged too', async () => {
    const refused = { code: 'checkpoint.damaged', message: /last\/model\.safetensors has 10 bytes where \d+ were/ };
    await truncate(path.join(last, 'model.safetensors'), 10);
    await rm(path.join(previous, 'optimizer.safetensors'));
    await assert.rejects(nursery.train('damaged'), refused);
    await rm(previous, { recursive: true });
    await assert.rejects(nursery.train('damaged'), {
      ...refused,
      hint: /delete .*checkpoints\/last: "winnow resume" then begins test again/,
    });
    await rm(last, { recursive: true });
    const { trained, told } = await nursery.train('damaged');
    assert.deepEqual(trained.parameters, whole);
    assert.deepEqual(
      told,
      told.filter((line) => line.startsWith('test: step')),
    );
  });

  it('is not needed by another phase, and the one before may be of another', async () => {
    await rm(path.join(last, 'optimizer.safetensors'));
    assert.deepEqual((await nursery.train('damaged', { phase: 'next' })).asked, [0, 1, 2, 3, 4, 5, 6, 7]);
    await restore();
    await nursery.train('damaged', { phase: 'next', checkpointSeconds: 1e-9 });
    await rm(path.join(last, 'optimizer.safetensors'));
    await rm(previous, { recursive: true });
    await cp(path.join(nursery.checkpoints('whole'), 'last'), previous, { recursive: true });
    const { told, asked } = await nursery.train('damaged', { phase: 'next' });
    assert.equal(asked.length, 8);
    assert.match(told.join('\n'), /The one before it is of test, so next begins again/);
  });

  it('a run whose last checkpoint is gone goes on from the one before', async () => {
    await rm(last, { recursive: true });
    const { trained, told } = await nursery.train('damaged');
    assert.match(told.join('\n'), /checkpoints\/last is missing\. The run goes on from the one before it, of step 2/);
    assert.deepEqual(trained.parameters, whole);
  });

  it('of before there were checksums goes on as it did, and is refused where it cannot be read', async () => {
    const file = path.join(last, 'meta.json');
    const meta = { ...(await readMeta(last))!, files: undefined };
    await writeFile(file, JSON.stringify(meta));
    await rm(previous, { recursive: true });
    const { trained, asked } = await nursery.train('damaged');
    assert.deepEqual([asked, trained.parameters], [[6, 7], whole]);
    for (const [name, damage] of Object.entries(damages)) {
      await restore();
      await rm(previous, { recursive: true });
      await writeFile(file, JSON.stringify(meta));
      await damage(path.join(last, 'optimizer.safetensors'));
      await assert.rejects(nursery.train('damaged'), { code: 'checkpoint.damaged', hint: /delete .*last/ }, name);
    }
    await rm(last, { recursive: true });
    await mkdir(last);
    await assert.rejects(nursery.train('damaged'), { code: 'checkpoint.damaged', message: /meta\.json is missing/ });
  });

  it('every flipped bit is noticed, or changes nothing', async () => {
    const meta = await readMeta(last);
    let noticed = 0;
    await fc.assert(
      fc.asyncProperty(anyFlip, async (bit) => {
        await rm(last, { recursive: true });
        await cp(path.join(nursery.checkpoints('whole'), 'last'), last, { recursive: true });
        const name = await flip(last, bit);
        let found: CheckpointMeta | undefined;
        try {
          found = await readMeta(last);
          await requireIntact(last, found!);
        } catch (error) {
          assert.equal((error as { code?: string }).code, 'checkpoint.damaged');
          assert.ok((error as Error).message.includes(name));
          noticed++;
          return;
        }
        assert.equal(name, 'meta.json');
        assert.deepEqual(found, meta);
      }),
      { numRuns: 200 },
    );
    assert.ok(noticed > 150, String(noticed));
  });

  it('ends with the same bits after any flipped bit', async () => {
    await fc.assert(
      fc.asyncProperty(anyFlip, async (bit) => {
        await restore();
        await flip(last, bit);
        assert.deepEqual((await nursery.train('damaged')).trained.parameters, whole);
      }),
      { numRuns: 12 },
    );
  });
});
