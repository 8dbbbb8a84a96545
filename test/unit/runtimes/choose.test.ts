import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { NvidiaGpu } from '../../../core/engine/devices/nvidia';
import { INSTALLABLE } from '../../../core/engine/runtime/installed';
import { UserError } from '../../../core/errors';
import { VARIANTS } from '../../../core/runtimes/catalog';
import { chooseVariant, runtimeNamed } from '../../../core/runtimes/choose';

const gpu = (driver: string, computeCapability?: number): NvidiaGpu => ({
  index: 0,
  uuid: 'GPU-1',
  name: 'NVIDIA X',
  driver,
  ...(computeCapability !== undefined && { computeCapability }),
  processes: [],
});
const none = { gpus: [], problem: 'nvidia-smi was not found' };
const choose = (...[name, nvidia, wishes, platform = 'linux-x64']: Parameters<typeof chooseVariant>) =>
  chooseVariant(name, nvidia, wishes, platform).id;
const code = (expected: string) => (error: unknown) => error instanceof UserError && error.code === expected;

describe('the variant of a runtime', () => {
  it('is that of the driver, and of the oldest GPU', () => {
    assert.equal(choose('cuda', { gpus: [gpu('580.65.06', 9)] }), 'cuda-13');
    assert.equal(choose('cuda', { gpus: [gpu('610.1')] }), 'cuda-13');
    assert.equal(choose('cuda', { gpus: [gpu('550.54.14', 9)] }), 'cuda-12');
    // CUDA 13 has no code for Volta and older.
    assert.equal(choose('cuda', { gpus: [gpu('580.65.06', 7)] }), 'cuda-12');
    assert.equal(choose('cuda', { gpus: [gpu('580.65.06', 9), gpu('580.65.06', 6.1)] }), 'cuda-12');
    assert.equal(choose('tensorflow', { gpus: [gpu('550.54.14', 9)] }), 'tensorflow-gpu');
    assert.equal(choose('tensorflow', none), 'tensorflow-cpu');
    assert.equal(choose('tensorflow', { gpus: [gpu('470.1', 8)] }), 'tensorflow-cpu');
  });

  it('can be asked for, also for another machine', () => {
    assert.equal(choose('cuda', { gpus: [gpu('580.65.06', 9)] }, { variant: 'cuda-12' }), 'cuda-12');
    assert.equal(choose('cuda', none, { variant: 'cuda-12', elsewhere: true }), 'cuda-12');
    assert.equal(choose('cuda', none, { variant: 'cuda-12', verify: false }), 'cuda-12');
    assert.throws(() => choose('cuda', none, { variant: 'cuda-12' }), code('runtime.no-gpu'));
    assert.equal(choose('tensorflow', none, { variant: 'tensorflow-gpu' }), 'tensorflow-gpu');
    assert.equal(choose('cuda', none, { elsewhere: true }), 'cuda-13');
    assert.throws(() => choose('cuda', none, { variant: 'cuda-11' }), code('runtime.unknown'));
  });

  it('is refused before anything is downloaded', () => {
    assert.throws(() => choose('cuda', none), code('runtime.no-gpu'));
    assert.throws(() => choose('cuda', { gpus: [gpu('470.82.01', 8)] }), code('runtime.driver'));
    assert.throws(() => choose('cuda', { gpus: [gpu('580.65.06', 9)] }, {}, 'darwin-arm64'), code('runtime.platform'));
    assert.throws(() => runtimeNamed('rocm'), code('runtime.unknown'));
  });
});

describe('the catalog', () => {
  it('has every file once, with its hash', () => {
    const wheels = [...new Set(VARIANTS.flatMap((variant) => variant.wheels))];
    for (const { file, sha256, size } of wheels) {
      assert.match(sha256, /^[0-9a-f]{64}$/, file);
      assert.ok(size > 1e5, file);
      assert.match(file, /x86_64\.whl$/);
    }
    assert.equal(new Set(wheels.map(({ sha256 }) => sha256)).size, wheels.length);
    assert.equal(new Set(VARIANTS.map(({ id }) => id)).size, VARIANTS.length);
    assert.deepEqual([...new Set(VARIANTS.map(({ name }) => name))].sort(), [...INSTALLABLE].sort());
  });

  it('locks every npm package by its integrity, and names no registry', () => {
    for (const { packages } of VARIANTS)
      if ('lock' in packages)
        for (const [name, one] of Object.entries(
          packages.lock.packages as Record<string, { integrity?: string; resolved?: string }>,
        ))
          if (name !== '') assert.deepEqual([typeof one.integrity, one.resolved], ['string', undefined], name);
  });
});
