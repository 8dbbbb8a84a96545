import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { chosen, deviceMemory } from '../../../core/engine/devices/memory';
import { gpusOf } from '../../../core/engine/devices/nvidia';
import { comparedMemory, smaller } from '../../../core/experiments/run/memory';
import { describeMemory, memoryProblem } from '../../../core/experiments/planned-memory';
import { resolveSpec } from '../../../core/experiments/spec/spec';
import { methods } from '../../../core/methods';
import { createRegistry } from '../../../core/experiments/registry';
import { TrainingConfig } from '../../../core/training/config';

const GB = 1e9;

describe('settings that need less memory', () => {
  /** 1 GB, and 0.5 GB for each sequence; a fifth of that with recomputation. */
  const needed = ({ batchSize, checkpointActivations }: TrainingConfig) =>
    GB + (checkpointActivations ? 0.1 : 0.5) * GB * batchSize;
  const training = (changes = {}) => TrainingConfig.parse({ batchSize: 16, ...changes });
  const found = (free: number, changes = {}) =>
    smaller({ training: training(changes), needed }, free).map(({ training: changed }) => changed);

  it('are the largest batch that fits, with as many samples in a step, or recomputation', () => {
    assert.deepEqual(found(7 * GB), [{ batchSize: 8, accumulate: 2 }, { checkpointActivations: true }]);
    assert.deepEqual(found(7 * GB, { accumulate: 3 }), [
      { batchSize: 8, accumulate: 6 },
      { checkpointActivations: true },
    ]);
    // 12 of 24 do not fit, 8 do.
    assert.deepEqual(found(7 * GB, { batchSize: 24 })[0], { batchSize: 8, accumulate: 3 });
  });

  it('are both where neither is enough', () => {
    assert.deepEqual(found(1.5 * GB), [{ batchSize: 2, accumulate: 8, checkpointActivations: true }]);
    assert.deepEqual(found(1.5 * GB, { checkpointActivations: true }), [{ batchSize: 2, accumulate: 8 }]);
  });

  it('may not exist', () => {
    assert.deepEqual(found(GB), []);
  });
});

describe('the memory of a spec', () => {
  const registry = createRegistry(methods);
  const spec = (changes: object = {}, device: object = { provider: 'webgpu' }) => ({
    baseDir: '/',
    ...resolveSpec(
      {
        name: 'a',
        method: 'pretrain',
        model: {
          hidden_size: 32,
          intermediate_size: 64,
          num_hidden_layers: 2,
          num_attention_heads: 2,
          num_key_value_heads: 2,
        },
        data: { source: 'x', blockLength: 64 },
        device,
        ...changes,
      },
      'a',
      registry,
      () => 'a',
    ),
  });

  it('is estimated without its data, and compared with what the device has', async () => {
    const { memory } = await comparedMemory(spec(), { free: 100 * GB, most: 200 * GB });
    assert.equal(memory!.fits, 'yes');
    const { needed } = memory as { needed: number };
    const fits = async (free: number, most: number) => (await comparedMemory(spec(), { free, most })).memory!;
    assert.equal((await fits(1.1 * needed, 2 * needed)).fits, 'barely');
    const no = await fits(0.9 * needed, 2 * needed);
    assert.equal(no.fits, 'no');
    assert.ok(no.instead!.length > 0 && no.instead!.every((change) => change.needed < 0.9 * needed));
    assert.equal((await fits(0.5 * needed, 0.8 * needed)).fits, 'never');
    // The estimate may be a little too high: that is not certain.
    assert.equal((await fits(0.5 * needed, 0.9 * needed)).fits, 'no');
    assert.match(
      memoryProblem(no)!.message,
      /needs about .* on webgpu, where .* are free\. Free memory, or use "training"/,
    );
  });

  it('grows with the batch, and not with micro-batches', async () => {
    const needed = async (training: object) => (await comparedMemory(spec({ training }), { free: 1 })).memory!.needed!;
    const [one, two] = [await needed({ batchSize: 16 }), await needed({ batchSize: 32 })];
    assert.ok(two > 1.3 * one);
    assert.ok((await needed({ batchSize: 16, accumulate: 2 })) < two);
    assert.equal(await needed({ batchSize: 16, accumulate: 2 }), await needed({ batchSize: 16, accumulate: 8 }));
  });

  it('is not known where steps are not compiled, and does not exist for the user’s own program', async () => {
    const { memory } = await comparedMemory(spec({}, { provider: 'tensorflow' }));
    assert.deepEqual(memory, { provider: 'tensorflow' });
    assert.equal(describeMemory(memory), 'not known on tensorflow; how much is free is not known');
    assert.equal(memoryProblem(memory), undefined);
    const own = resolveSpec({ name: 'a', method: 'command', command: ['true'] }, 'a', registry, () => 'a');
    assert.deepEqual(await comparedMemory({ baseDir: '/', ...own }), {});
  });
});

describe('the memory of a device', () => {
  it('is main memory for the CPU', async () => {
    const { free, most = Infinity } = (await deviceMemory('cpu'))!;
    assert.ok(free > 0 && free <= most);
  });

  it('is what nvidia-smi says of the GPU that CUDA computes on', async () => {
    const line = (index: number, free: string) => `${index}, GPU-${index}, NVIDIA A10, 580.65, 8.6, 24000, ${free}, 0`;
    const gpus = gpusOf([line(0, '1000'), line(1, '2000')].join('\n'), '');
    assert.deepEqual(await deviceMemory('cuda', () => Promise.resolve({ gpus })), {
      free: 1000 * 2 ** 20,
      most: 24000 * 2 ** 20,
    });
    assert.equal(chosen(gpus, '1,0')?.index, 1);
    assert.equal(chosen(gpus, 'GPU-1'), undefined);
    assert.equal(chosen(gpus, ''), undefined);
    const silent = gpusOf(line(0, '[N/A]'), '');
    assert.equal(await deviceMemory('cuda', () => Promise.resolve({ gpus: silent })), undefined);
    assert.equal(await deviceMemory('cuda', () => Promise.resolve({ gpus: [] })), undefined);
  });

  it('is not known of a graphics card that is one of several', { skip: process.platform === 'darwin' }, async () => {
    const gpus = gpusOf(
      '0, GPU-0, NVIDIA A10, 580.65, 8.6, 24000, 1000, 0\n1, GPU-1, NVIDIA A10, 580.65, 8.6, 24000, 1000, 0',
      '',
    );
    assert.equal(await deviceMemory('webgpu', () => Promise.resolve({ gpus })), undefined);
  });
});
