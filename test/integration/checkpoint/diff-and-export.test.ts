import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { diffCheckpoints } from '../../../core/inspection/diff';
import { exportCheckpoint } from '../../../core/checkpoint/export';
import { openModelFolder } from '../../../core/checkpoint/model-folder';
import { writeModelFolder } from '../../../core/checkpoint/model-folder-writer';
import { withCheckpoints } from '../../../core/checkpoint/open';
import { float32Tensor, type TensorToWrite } from '../../../core/checkpoint/safetensors-writer';
import type { CheckpointDiff } from '../../../core/protocol/inspection';
import { Random } from '../../../core/random';
import { tempFolder } from './temp-folder';

const normal = (count: number, seed: number) => {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => random.normal());
};

/** u [m, r] times v [r, n], in doubles. */
function product(u: Float32Array, v: Float32Array, m: number, r: number, n: number): Float32Array {
  const values = new Float32Array(m * n);
  for (let i = 0; i < m; i++)
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let k = 0; k < r; k++) sum += u[i * r + k]! * v[k * n + j]!;
      values[i * n + j] = sum;
    }
  return values;
}

const [M, R, N] = [40, 6, 30];
const u = normal(M * R, 1);
const v = normal(R * N, 2);
const dense = product(u, v, M, R, N);
const factored = [float32Tensor('l.u.weight', [M, R], u), float32Tensor('l.v.weight', [R, N], v)];
const CONFIG_TEXT =
  '{\n  "model_type": "llama",\n  "rms_norm_eps": 1e-06,\n  "theta": 1.0,\n  "torch_dtype": "float32"\n}\n';

async function model(dir: string, tensors: readonly TensorToWrite[], maxShardBytes?: number): Promise<string> {
  await writeModelFolder(dir, {
    config: JSON.parse(CONFIG_TEXT) as Record<string, unknown>,
    configText: CONFIG_TEXT,
    tensors,
    ...(maxShardBytes === undefined ? {} : { maxShardBytes }),
  });
  return dir;
}

const diff = (a: string, b: string): Promise<CheckpointDiff> =>
  withCheckpoints([a, b], (x, y) => diffCheckpoints(x.reader, y.reader));

async function pairOf(
  test: TestContext,
  a: readonly TensorToWrite[],
  b: readonly TensorToWrite[],
): Promise<CheckpointDiff> {
  const folder = await tempFolder(test);
  return diff(await model(path.join(folder, 'a'), a), await model(path.join(folder, 'b'), b));
}

describe('the diff of two checkpoints', () => {
  it('finds a checkpoint identical to itself, however it is split into files', async (t) => {
    const folder = await tempFolder(t);
    const tensors = [...factored, float32Tensor('w', [M, N], dense), float32Tensor('x', [0], new Float32Array())];
    const a = await model(path.join(folder, 'a'), tensors);
    const b = await model(path.join(folder, 'b'), tensors, 1000);
    const index = path.join(b, 'model.safetensors.index.json');
    for (const other of [a, b, index, path.join(a, 'model.safetensors')]) {
      const { identical, differences, missing, added, changed } = await diff(a, other);
      assert.deepEqual(
        { identical, differences, missing, added, changed },
        { identical: 3, differences: [], missing: [], added: [], changed: [] },
      );
    }
  });

  it('measures differences, the largest first', async (t) => {
    const a = [
      float32Tensor('small', [2, 2], Float32Array.of(3, 0, 0, 4)),
      float32Tensor('large', [2], Float32Array.of(1, 0)),
      float32Tensor('new', [1], Float32Array.of(0)),
    ];
    const b = [
      float32Tensor('small', [2, 2], Float32Array.of(3, 0, 0, 3)),
      float32Tensor('large', [2], Float32Array.of(0, 2)),
      float32Tensor('new', [1], Float32Array.of(5)),
    ];
    const { differences } = await pairOf(t, a, b);
    assert.deepEqual(
      differences.map(({ name }) => name),
      ['new', 'large', 'small'],
    );
    const [fresh, large, small] = differences;
    assert.deepEqual([fresh!.relative, fresh!.cosine, fresh!.maxAbs], [null, null, 5]);
    assert.deepEqual([large!.relative, large!.cosine, large!.maxAbs], [Math.sqrt(5), 0, 2]);
    assert.equal(small!.relative, 0.2);
    assert.ok(Math.abs(small!.cosine! - 21 / (5 * Math.sqrt(18))) < 1e-15);
    assert.deepEqual([small!.differing, small!.elements, small!.maxAbs], [1, 4, 1]);
  });

  it('lists what is missing, added, of another shape or dtype; another dtype is compared', async (t) => {
    const values = Float32Array.of(1, 2, 3.5, 0.1);
    const { missing, added, changed, identical, differences } = await pairOf(
      t,
      [
        float32Tensor('gone', [1], values.slice(0, 1)),
        float32Tensor('shape', [2, 2], values),
        float32Tensor('exact', [3], values.slice(0, 3)),
        float32Tensor('rounded', [4], values),
      ],
      [
        float32Tensor('come', [1], values.slice(0, 1)),
        float32Tensor('shape', [4], values),
        float32Tensor('exact', [3], values.slice(0, 3), 'F16'),
        float32Tensor('rounded', [4], values, 'BF16'),
      ],
    );
    assert.deepEqual([missing, added, identical], [['gone'], ['come'], 1]);
    assert.deepEqual(changed.map(({ name }) => name).sort(), ['exact', 'rounded', 'shape']);
    assert.deepEqual(
      differences.map(({ name, differing, a, b }) => [name, differing, a.dtype, b.dtype]),
      [['rounded', 1, 'F32', 'BF16']],
    );
  });

  it('leaves out what is not finite, and does not tell NaN from NaN or 0 from -0', async (t) => {
    const { differences, identical } = await pairOf(
      t,
      [
        float32Tensor('same', [2], Float32Array.of(0, NaN)),
        float32Tensor('w', [4], Float32Array.of(1, NaN, Infinity, 1)),
      ],
      [float32Tensor('same', [2], Float32Array.of(-0, NaN)), float32Tensor('w', [4], Float32Array.of(1, NaN, 1, 2))],
    );
    assert.equal(identical, 1);
    const [w] = differences;
    assert.deepEqual([w!.differing, w!.nonFinite, w!.maxAbs], [2, 2, 1]);
    assert.ok(Math.abs(w!.relative! - 1 / Math.sqrt(2)) < 1e-15);
  });

  it('compares the product of factors with a full weight, and with factors of another basis', async (t) => {
    const { differences, missing, added } = await pairOf(t, factored, [float32Tensor('l.weight', [M, N], dense)]);
    assert.deepEqual([missing, added], [[], []]);
    assert.equal(differences.length, 1);
    const [layer] = differences;
    assert.equal(layer!.name, 'l.weight');
    assert.deepEqual([layer!.a.rank, layer!.b.rank], [R, null]);
    assert.ok(layer!.relative! < 1e-7 && layer!.cosine! > 0.999999, String(layer!.relative));
    // Twice u and half of v is the same weight in other numbers.
    const scaled = [
      float32Tensor(
        'l.u.weight',
        [M, R],
        u.map((x) => 2 * x),
      ),
      float32Tensor(
        'l.v.weight',
        [R, N],
        v.map((x) => x / 2),
      ),
    ];
    const same = await pairOf(t, factored, scaled);
    assert.deepEqual([same.identical, same.differences], [1, []]);
  });

  it('says why a layer cannot be compared', async (t) => {
    const { incomparable } = await pairOf(t, factored, [float32Tensor('l.weight', [N, M], dense)]);
    assert.equal(incomparable.length, 1);
    assert.match(incomparable[0]!.reason, /\[40, 30\] in a and \[30, 40\] in b/);
  });
});

describe('export', () => {
  async function source(test: TestContext): Promise<{ folder: string; from: string }> {
    const folder = await tempFolder(test);
    const from = path.join(folder, 'from');
    const ids = { name: 'ids', dtype: 'I64', shape: [2], data: new Uint8Array(16).fill(1) } as const;
    const config = { ...(JSON.parse(CONFIG_TEXT) as object), winnow: { ranks: { l: R } } };
    await writeModelFolder(from, {
      config,
      configText: CONFIG_TEXT,
      tensors: [...factored, float32Tensor('norm', [3], Float32Array.of(1, 1.00001, -2), 'F32'), ids],
      tokenizerFrom: new TextEncoder().encode('{}'),
      extraFiles: { 'generation_config.json': '{"a": 1}', 'meta.json': '{}' },
    });
    await writeFile(path.join(from, 'optimizer.safetensors'), 'state');
    return { folder, from };
  }

  it('merges factors into the full weight and takes the ranks out of the configuration', async (t) => {
    const { folder, from } = await source(t);
    const to = path.join(folder, 'a', 'b');
    const result = await exportCheckpoint(from, to, { merge: true });
    assert.deepEqual([result.merged, result.tensors], [1, 3]);
    assert.deepEqual((await readdir(to)).sort(), [
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'tokenizer.json',
    ]);
    assert.equal(await readFile(path.join(to, 'config.json'), 'utf8'), CONFIG_TEXT);
    const model = await openModelFolder(to);
    assert.deepEqual(model.tensors.get('l.weight')!.shape, [M, N]);
    (await model.readFloat32('l.weight')).forEach((x, i) => {
      assert.ok(Math.abs(x - dense[i]!) < 1e-6);
    });
    await model.close();
    const compared = await diff(from, to);
    assert.deepEqual([compared.missing, compared.added, compared.incomparable], [[], [], []]);
  });

  it('keeps every byte without options, and refuses to overwrite', async (t) => {
    const { folder, from } = await source(t);
    const to = path.join(folder, 'to');
    await mkdir(to);
    await exportCheckpoint(from, to);
    assert.equal((await diff(from, to)).identical, 3);
    assert.deepEqual(
      JSON.parse(await readFile(path.join(to, 'config.json'), 'utf8')),
      JSON.parse(await readFile(path.join(from, 'config.json'), 'utf8')),
    );
    await assert.rejects(exportCheckpoint(from, to), { code: 'export.exists' });
    await assert.rejects(exportCheckpoint(from, path.join(to, 'config.json')), { code: 'export.exists' });
  });

  it('converts floats and leaves integers, and says so in the configuration', async (t) => {
    const { folder, from } = await source(t);
    const to = path.join(folder, 'to');
    const seen: number[] = [];
    await exportCheckpoint(from, to, { dtype: 'BF16' }, { onProgress: ({ done, total }) => seen.push(done / total) });
    assert.equal(seen.at(-1), 1);
    const model = await openModelFolder(to);
    assert.deepEqual([...model.tensors.values()].map(({ name, dtype }) => [name, dtype]).sort(), [
      ['ids', 'I64'],
      ['l.u.weight', 'BF16'],
      ['l.v.weight', 'BF16'],
      ['norm', 'BF16'],
    ]);
    assert.deepEqual([...(await model.readFloat32('norm'))], [1, 1, -2]);
    assert.equal(model.config.torch_dtype, 'bfloat16');
    assert.match(model.configText, /"theta": 1\.0/);
    await model.close();
  });

  it('stops at what the dtype cannot hold, at an abort, and without a configuration; nothing is left behind', async (t) => {
    const folder = await tempFolder(t);
    const from = await model(path.join(folder, 'from'), [float32Tensor('w', [2], Float32Array.of(1, 65_520))]);
    const to = path.join(folder, 'to');
    await assert.rejects(exportCheckpoint(from, to, { dtype: 'F16' }), { code: 'export.overflow', message: /65520/ });
    await assert.rejects(exportCheckpoint(from, to, {}, { signal: AbortSignal.abort(new Error('enough')) }), /enough/);
    assert.deepEqual(await readdir(folder), ['from']);
    await exportCheckpoint(from, to, { dtype: 'BF16' });
    const bare = path.join(folder, 'bare');
    await mkdir(bare);
    await writeFile(path.join(bare, 'w.safetensors'), await readFile(path.join(from, 'model.safetensors')));
    await assert.rejects(exportCheckpoint(path.join(bare, 'w.safetensors'), path.join(folder, 'x')), {
      code: 'export.no-config',
    });
  });
});
