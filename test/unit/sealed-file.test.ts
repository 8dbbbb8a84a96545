import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import * as z from 'zod';
import { checksumOf, differenceFrom, sealed, unseal } from '../../core/checksum';
import { readSealed, writeSealed } from '../../core/sealed-file';
import { anyFlip, flip } from '../bit-flip';
import fc from '../fast-check';

describe('checksums', () => {
  let folder = '';
  const at = (name: string) => path.join(folder, name);
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'winnow-sealed-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('of files are CRC-32, whatever pieces they are read in', async () => {
    // The check value of the algorithm, and one file of several pieces.
    await writeFile(at('check'), '123456789');
    assert.deepEqual(await checksumOf(at('check')), { bytes: 9, crc32: 'cbf43926' });
    await writeFile(at('large'), Buffer.alloc(2 ** 22 + 5, 'winnow '));
    const { bytes, crc32 } = await checksumOf(at('large'));
    assert.equal(bytes, 2 ** 22 + 5);
    assert.equal(await differenceFrom({ bytes, crc32 }, at('large')), undefined);
    assert.match((await differenceFrom({ bytes: 9, crc32 }, at('large')))!, /has 4194309 bytes where 9 were written/);
    assert.match((await differenceFrom({ bytes: 9, crc32 }, at('check')))!, /checksum/);
    await assert.rejects(checksumOf(at('large'), AbortSignal.abort()), { name: 'AbortError' });
  });

  it('seal any JSON object, and white space does not matter', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const own = Object.fromEntries(Object.entries(value).filter(([key]) => key !== 'crc32'));
        const expected: unknown = JSON.parse(JSON.stringify(own));
        assert.deepEqual(unseal(sealed(own)), expected);
        assert.deepEqual(unseal(JSON.stringify(JSON.parse(sealed(own)))), expected);
      }),
    );
  });

  it('notice every flipped bit of a file that a run reads again', async () => {
    const schema = z.object({ epochs: z.number(), name: z.string(), points: z.array(z.number()) });
    const value = { epochs: 3, name: 'Zürich', points: [0.1, 2e-7, 65_504] };
    const file = at('state/results.json');
    await assert.rejects(writeSealed(file, value), { code: 'disk.vanished' });
    await rm(at('check'));
    await rm(at('large'));
    await fc.assert(
      fc.asyncProperty(anyFlip, async (bit) => {
        await writeSealed(at('results.json'), value);
        await flip(folder, bit);
        const read = await readSealed(at('results.json'), schema).catch((error: unknown) => error);
        if (read instanceof Error) assert.equal((read as { code?: string }).code, 'file.damaged', String(read));
        else assert.deepEqual(read, value);
      }),
      { numRuns: 300 },
    );
    assert.equal(await readSealed(at('nothing.json'), schema), undefined);
    // Of before there were checksums.
    await writeFile(at('results.json'), JSON.stringify(value));
    assert.deepEqual(await readSealed(at('results.json'), schema), value);
    await writeFile(at('results.json'), (await readFile(at('results.json'))).subarray(0, 20));
    await assert.rejects(readSealed(at('results.json'), schema), { code: 'file.damaged', hint: /winnow rerun/ });
    await writeFile(at('results.json'), '{"epochs": null}');
    await assert.rejects(readSealed(at('results.json'), schema), { code: 'file.damaged', message: /epochs: / });
  });
});
