import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import * as z from 'zod';
import { decodeImage } from '../../../../core/data/images/decode';
import { UserError } from '../../../../core/errors';

const FIXTURES = path.resolve('test/fixtures/images');
const SIDE = 8;
const PYTHON = process.env.WINNOW_PYTHON ?? 'python3';
const hasPillow = spawnSync(PYTHON, ['-c', 'import PIL, numpy'], { stdio: 'ignore' }).status === 0;

/** See `make.py` beside the images. */
const expectedSchema = z.record(
  z.string(),
  z.union([z.object({ rgb: z.base64(), gray: z.base64(), within: z.number() }), z.object({ refused: z.string() })]),
);

/** Every image of a folder is read as Pillow reads it, or refused with the sentence that it deserves. */
async function compare(folder: string): Promise<number> {
  const expected = expectedSchema.parse(JSON.parse(await readFile(path.join(folder, 'expected.json'), 'utf8')));
  for (const [name, what] of Object.entries(expected)) {
    const file = path.join(folder, name);
    // A file and its bytes, as a Parquet row has them.
    for (const input of [file, await readFile(file)])
      for (const channels of [1, 3] as const) {
        const read = decodeImage(input, channels, { side: SIDE }, name);
        if ('refused' in what) {
          await assert.rejects(read, (error) => {
            assert.ok(error instanceof UserError, `${name}: ${String(error)}`);
            assert.ok(error.message.includes(name) && error.message.includes(what.refused), error.message);
            assert.match(error.hint, /^(Convert it to|Check that the file is complete|Download|Copy)/);
            return true;
          });
          continue;
        }
        const pixels = Buffer.from(channels === 1 ? what.gray : what.rgb, 'base64');
        const found = (await read).pixels;
        assert.equal(found.length, pixels.length, name);
        const apart = pixels.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0);
        assert.ok(
          apart <= what.within,
          `${name}, ${channels} channels: ${apart} apart\n${found.join()}\n${pixels.join()}`,
        );
      }
  }
  return Object.keys(expected).length;
}

describe('images of every kind', () => {
  it('are read as Pillow read them, or refused by what they are', async () => {
    assert.ok((await compare(FIXTURES)) > 60);
  });

  it(
    'that Pillow writes now are, too',
    { skip: hasPillow ? false : `${PYTHON} has no Pillow with numpy (set WINNOW_PYTHON to one that has)` },
    async () => {
      const folder = await mkdtemp(path.join(tmpdir(), 'winnow-pillow-'));
      try {
        const made = spawnSync(PYTHON, ['-W', 'ignore', path.join(FIXTURES, 'make.py'), folder], { encoding: 'utf8' });
        assert.equal(made.status, 0, made.stderr);
        await compare(folder);
      } finally {
        await rm(folder, { recursive: true });
      }
    },
  );
});
