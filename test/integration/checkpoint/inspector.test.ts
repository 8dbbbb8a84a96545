import assert from 'node:assert/strict';
import { mkdir, open, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { createInspections } from '../../../core/inspection/inspections';
import { Inspector, type InspectorOptions } from '../../../core/inspection/client';
import { writeModelFolder } from '../../../core/checkpoint/model-folder-writer';
import { checkpointOverview } from '../../../core/inspection/overview';
import { float32Tensor, writeSafetensors } from '../../../core/checkpoint/safetensors-writer';
import { UserError } from '../../../core/errors';
import { embeddedParent } from '../../../core/models/embedded';
import { tempFolder } from './temp-folder';

// Beside the tests' own folder, wherever the build put it.
const SCRIPT = path.resolve(import.meta.dirname, '../../../inspector.js');

function inspectorOf(test: TestContext, options?: InspectorOptions): Inspector {
  const inspector = new Inspector(SCRIPT, options);
  test.after(() => inspector.dispose());
  return inspector;
}

const PARENT = embeddedParent();
const WEIGHT = 'model.layers.0.self_attn.q_proj.weight';

/** A file of one tensor of zeros that takes no room on the disk. */
async function sparseFile(file: string, rows: number, cols: number): Promise<void> {
  const length = rows * cols * 4;
  const json = Buffer.from(JSON.stringify({ w: { dtype: 'F32', shape: [rows, cols], data_offsets: [0, length] } }));
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(json.length));
  const handle = await open(file, 'w');
  await handle.write(Buffer.concat([head, json]));
  await handle.truncate(8 + json.length + length);
  await handle.close();
}

describe('the inspector', () => {
  it('answers everything as the functions in this process do', async (t) => {
    const inspector = inspectorOf(t);
    const here = createInspections();
    const asked = { signal: new AbortController().signal, progress: () => undefined };
    assert.deepEqual(await inspector.overview(PARENT), await here.overview({ path: PARENT }, asked));
    assert.deepEqual(
      await inspector.statistics(PARENT, WEIGHT),
      await here.statistics({ path: PARENT, tensor: WEIGHT }, asked),
    );
    assert.deepEqual(
      await inspector.spectrum(PARENT, WEIGHT),
      await here.spectrum({ path: PARENT, name: WEIGHT }, asked),
    );
    const window = { row: 3, column: 4, rows: 2, columns: 2 };
    const grid = await inspector.values(PARENT, WEIGHT, window);
    assert.ok(grid.values instanceof Float64Array);
    assert.deepEqual(grid, await here.values({ path: PARENT, tensor: WEIGHT, window }, asked));
    const diff = await inspector.diff(PARENT, path.join(PARENT, 'model.safetensors'));
    assert.deepEqual([diff.differences, diff.identical > 40], [[], true]);
  });

  it('passes errors on as what they are', async (t) => {
    const inspector = inspectorOf(t);
    const missing = inspector.overview(path.join(PARENT, 'no-such-file.safetensors'));
    await assert.rejects(
      missing,
      (error) => error instanceof UserError && error.code === 'file.not-found' && error.hint !== '',
    );
    await assert.rejects(inspector.statistics(PARENT, 'no.such'), { code: 'safetensors.no-tensor' });
  });

  it('tells how far it is, stops work that was aborted, and answers others meanwhile', async (t) => {
    const file = path.join(await tempFolder(t), 'w.safetensors');
    await sparseFile(file, 1 << 20, 1 << 12);
    const inspector = inspectorOf(t, { abortGraceMs: 60_000 });
    const controller = new AbortController();
    const reason = new Error('enough');
    const seen: number[] = [];
    const long = inspector.statistics(file, 'w', {
      signal: controller.signal,
      onProgress: ({ done, total }) => {
        seen.push(done / total);
        if (seen.length === 3) controller.abort(reason);
      },
    });
    const short = inspector.statistics(PARENT, WEIGHT);
    await assert.rejects(long, reason);
    assert.ok(
      seen.every((share, i) => share < 1 && (i === 0 || share > seen[i - 1]!)),
      seen.join(),
    );
    assert.equal((await short).elements, 65_536);
    await inspector.values(PARENT, WEIGHT, { row: 0, column: 0, rows: 1, columns: 1 });
    assert.equal(seen.length, 3);
    await assert.rejects(inspector.overview(PARENT, { signal: AbortSignal.abort(reason) }), reason);
  });

  it('ends a process that does not stop in time, and asks again for what else was asked', async (t) => {
    const file = path.join(await tempFolder(t), 'w.safetensors');
    await sparseFile(file, 1 << 20, 1 << 12);
    const inspector = inspectorOf(t, { abortGraceMs: 0 });
    const controller = new AbortController();
    const long = inspector.statistics(file, 'w', {
      signal: controller.signal,
      onProgress: () => {
        controller.abort(new Error('enough'));
      },
    });
    const others = Promise.all([inspector.spectrum(PARENT, WEIGHT), inspector.statistics(PARENT, WEIGHT)]);
    await assert.rejects(long, /enough/);
    const [spectrum, statistics] = await others;
    assert.equal(spectrum.singularValues.length, 256);
    assert.equal(statistics.elements, 65_536);
  });

  it('starts again after it was idle; a closed one refuses', async (t) => {
    const inspector = inspectorOf(t, { idleMs: 1 });
    for (let round = 0; round < 2; round++) {
      assert.equal((await inspector.spectrum(PARENT, WEIGHT)).rows, 256);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const cut = inspector.statistics(PARENT, WEIGHT);
    await Promise.all([assert.rejects(cut, { code: 'inspector.closed' }), inspector.dispose()]);
    await assert.rejects(inspector.overview(PARENT), { code: 'inspector.closed' });
  });

  it('says why a process could not start', async (t) => {
    const inspector = new Inspector(path.join(await tempFolder(t), 'none.js'));
    await assert.rejects(inspector.overview(PARENT), { code: 'inspector.died', message: /none\.js/ });
    await inspector.dispose();
  });
});

describe('the cache of inspections', () => {
  const asked = { signal: new AbortController().signal, progress: () => undefined };

  async function setup(test: TestContext) {
    const folder = await tempFolder(test);
    const file = path.join(folder, 'w.safetensors');
    const cacheDir = path.join(folder, 'cache');
    const write = (x: number) => writeSafetensors(file, [float32Tensor('w', [2], Float32Array.of(x, x))]);
    const mean = async () => (await createInspections(cacheDir).statistics({ path: file, tensor: 'w' }, asked)).mean;
    await write(1);
    return { file, cacheDir, write, mean };
  }

  it('answers from the disk while the file is the same', async (t) => {
    const { cacheDir, mean } = await setup(t);
    assert.equal(await mean(), 1);
    const [entry] = await readdir(cacheDir);
    const text = await readFile(path.join(cacheDir, entry!), 'utf8');
    await writeFile(path.join(cacheDir, entry!), text.replace('"mean":1', '"mean":42'));
    assert.equal(await mean(), 42);
  });

  it('never answers for a changed file, not even one of the same size and time', async (t) => {
    const { file, write, mean } = await setup(t);
    await utimes(file, 1000, 1000);
    assert.equal(await mean(), 1);
    await write(2);
    await utimes(file, 1000, 1000);
    assert.equal(await mean(), 2);
    const handle = await open(file, 'r+');
    const { size } = await handle.stat();
    await handle.write(new Uint8Array(Float32Array.of(3, 3).buffer), 0, 8, size - 8);
    await handle.close();
    await utimes(file, 1000, 1000);
    assert.equal(await mean(), 3);
  });

  it('ignores entries that cannot be read, and a folder that cannot be written', async (t) => {
    const { file, cacheDir, mean } = await setup(t);
    assert.equal(await mean(), 1);
    const [entry] = await readdir(cacheDir);
    for (const text of ['', '{"key":', 'null', '{"key":"other","result":{"mean":7}}']) {
      await writeFile(path.join(cacheDir, entry!), text);
      assert.equal(await mean(), 1);
    }
    const inspections = createInspections(path.join(file, 'below-a-file'));
    assert.equal((await inspections.statistics({ path: file, tensor: 'w' }, asked)).mean, 1);
  });

  it('keeps statistics, spectra and diffs apart', async (t) => {
    const { file, cacheDir } = await setup(t);
    const inspections = createInspections(cacheDir);
    for (let round = 0; round < 2; round++) {
      assert.equal((await inspections.statistics({ path: file, tensor: 'w' }, asked)).elements, 2);
      assert.equal((await inspections.diff({ a: file, b: file }, asked)).identical, 1);
      await assert.rejects(inspections.spectrum({ path: file, name: 'w' }, asked) as Promise<unknown>, {
        code: 'spectrum.not-a-matrix',
      });
    }
    assert.equal((await readdir(cacheDir)).length, 2);
  });
});

describe('the statistics of all tensors', () => {
  const values = (start: number) => Float32Array.of(start, start + 1);

  /** A checkpoint in a run directory as far as the inspector knows one. */
  async function inRun(t: TestContext): Promise<{ folder: string; kept: string }> {
    const runs = await tempFolder(t);
    const folder = path.join(runs, 'run', 'checkpoints', 'member');
    await mkdir(path.dirname(folder), { recursive: true });
    await writeModelFolder(folder, {
      config: {},
      tensors: [float32Tensor('a', [2], values(1)), float32Tensor('b', [2], values(NaN))],
    });
    await writeFile(path.join(runs, 'run', 'run.json'), '{}');
    return { folder, kept: path.join(runs, '.cache', 'inspections') };
  }

  it('is kept beside the run, and asked for without computing', async (t) => {
    const { folder, kept } = await inRun(t);
    const inspector = inspectorOf(t);
    assert.deepEqual(await inspector.checkpointStatistics(folder, true), { tensors: 2, rows: [] });
    const statistics = await inspector.checkpointStatistics(folder, false);
    assert.deepEqual(
      statistics.rows.map(({ name, mean, nan }) => [name, mean, nan]),
      [
        ['a', 1.5, 0],
        ['b', null, 2],
      ],
    );
    assert.equal((await readdir(kept)).length, 1);
    // Another process, with no folder of its own, finds it there.
    assert.deepEqual(await inspectorOf(t).checkpointStatistics(folder, true), statistics);
    await writeSafetensors(path.join(folder, 'model.safetensors'), [float32Tensor('a', [2], values(5))]);
    assert.deepEqual(await inspector.checkpointStatistics(folder, true), { tensors: 1, rows: [] });
  });

  it('goes on where it was called off', async (t) => {
    const folder = await tempFolder(t);
    const file = path.join(folder, 'model.safetensors');
    const zeros = new Float32Array(1 << 20);
    const names = Array.from({ length: 40 }, (_, index) => `layer.${index}`);
    await writeSafetensors(
      file,
      names.map((name) => float32Tensor(name, [1 << 20], zeros)),
    );
    const inspections = createInspections(path.join(folder, 'cache'));
    const controller = new AbortController();
    const streamed: string[] = [];
    const first = inspections.checkpointStatistics(
      { path: file, onlyKept: false },
      {
        signal: controller.signal,
        progress: ({ rows }) => {
          streamed.push(...rows.map(({ name }) => name));
          if (streamed.length > 0) controller.abort(new Error('enough'));
        },
      },
    );
    await assert.rejects(first as Promise<unknown>, /enough/);
    assert.ok(streamed.length > 0 && streamed.length < 40, `${streamed.length} were streamed before the end`);
    const { signal } = new AbortController();
    const asked = { signal, progress: () => undefined };
    const kept = await inspections.checkpointStatistics({ path: file, onlyKept: true }, asked);
    assert.deepEqual(
      kept.rows.map(({ name }) => name),
      names.slice(0, kept.rows.length),
    );
    assert.ok(kept.rows.length >= streamed.length && kept.rows.length < 40);
    const { rows } = await inspections.checkpointStatistics({ path: file, onlyKept: false }, asked);
    assert.deepEqual(
      rows.map(({ name }) => name),
      names,
    );
  });
});

describe('the overview of a checkpoint', () => {
  it('tells what lies beside the weights, whether the folder or the file is opened', async () => {
    for (const [target, kind] of [
      [PARENT, 'folder'],
      [path.join(PARENT, 'model.safetensors'), 'file'],
    ] as const) {
      const overview = await checkpointOverview(target);
      assert.equal(overview.kind, kind);
      assert.equal(overview.config!.values.hidden_size, 256);
      assert.deepEqual(overview.config!.architectures, ['LlamaForCausalLM']);
      assert.deepEqual([overview.tokenizer!.type, overview.tokenizer!.vocabulary], ['BPE', 4096]);
      assert.equal(overview.lineage!.step, 6897);
      assert.equal(overview.lineage!.run, null);
      assert.equal(overview.summary.modelType, 'llama');
      assert.deepEqual(
        overview.files.map(({ name }) => name),
        ['model.safetensors'],
      );
      assert.deepEqual(overview.problems, []);
      assert.deepEqual(structuredClone(overview), overview);
    }
  });

  it('lists the shards of a folder, of its index and of one of its shards, also one that is missing', async (t) => {
    const folder = await tempFolder(t);
    const tensors = ['a', 'b', 'c'].map((name) => float32Tensor(name, [8], new Float32Array(8)));
    await writeModelFolder(path.join(folder, 'm'), { config: {}, tensors, maxShardBytes: 40 });
    const dir = path.join(folder, 'm');
    const shard = path.join(dir, 'model-00002-of-00003.safetensors');
    for (const target of [dir, path.join(dir, 'model.safetensors.index.json'), shard]) {
      const { files, summary } = await checkpointOverview(target);
      assert.deepEqual(
        files.map(({ tensors: count }) => count),
        [1, 1, 1],
      );
      assert.equal(summary.tensorCount, target === shard ? 1 : 3);
    }
    await writeFile(
      path.join(dir, 'model.safetensors.index.json'),
      JSON.stringify({ weight_map: { b: path.basename(shard), d: 'gone.safetensors' } }),
    );
    const { files } = await checkpointOverview(shard);
    assert.deepEqual(
      files.map(({ name, bytes }) => [name, bytes === null]),
      [
        [path.basename(shard), false],
        ['gone.safetensors', true],
      ],
    );
  });

  it('says what it could not read and shows the rest', async (t) => {
    const folder = await tempFolder(t);
    await writeSafetensors(path.join(folder, 'w.safetensors'), [float32Tensor('w', [1], Float32Array.of(1))]);
    for (const name of ['config.json', 'tokenizer.json', 'meta.json'])
      await writeFile(path.join(folder, name), '{"added_tokens": 3, "step": "x"');
    const overview = await checkpointOverview(path.join(folder, 'w.safetensors'));
    assert.equal(overview.problems.length, 3);
    assert.deepEqual([overview.config, overview.tokenizer, overview.lineage], [null, null, null]);
    assert.equal(overview.summary.parameters, 1);
  });

  it('names the run that a checkpoint lies in', async (t) => {
    const run = path.join(await tempFolder(t), 'r1');
    const dir = path.join(run, 'checkpoints', 'best');
    await mkdir(path.join(run, 'checkpoints'), { recursive: true });
    await writeModelFolder(dir, { config: {}, tensors: [float32Tensor('w', [1], Float32Array.of(1))] });
    await writeFile(
      path.join(dir, 'meta.json'),
      JSON.stringify({ kind: 'model', step: 5, phase: 'train', parent: 'abc', metrics: { loss: 2 } }),
    );
    const record = {
      v: 1,
      id: 'r1',
      created: 12,
      specFile: '/s',
      baseDir: '/',
      winnow: '1',
      node: '20',
      onnxruntime: null,
      platform: 'p',
      cpu: 'c',
      cores: 1,
      git: null,
      fingerprints: {},
      parents: [{ path: '/models/parent' }],
      spec: { name: 'n', method: 'plrd', seed: 4, device: { provider: 'cpu', threads: 1 }, config: {} },
    };
    await writeFile(path.join(run, 'run.json'), JSON.stringify(record));
    const { lineage } = await checkpointOverview(dir);
    assert.deepEqual(lineage, {
      kind: 'model',
      step: 5,
      phase: 'train',
      parent: 'abc',
      metrics: { loss: 2 },
      run: { id: 'r1', dir: run, name: 'n', method: 'plrd', seed: 4, created: 12, parents: ['/models/parent'] },
    });
  });
});
