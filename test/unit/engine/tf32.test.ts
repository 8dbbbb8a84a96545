import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { useLibraryOf } from '../../../core/engine/runtime/library';
import { hasTf32, setTf32, tf32InEnvironment } from '../../../core/engine/runtime/tf32';
import { PROVIDERS } from '../../../core/engine/runtime/runtime';
import { deviceOf } from '../../../core/experiments/run/launch';
import { seenBy, standInForCuda } from '../../fixtures/cuda-stand-in';

const VARIABLE = 'NVIDIA_TF32_OVERRIDE';
const forget = () => Reflect.deleteProperty(process.env, VARIABLE);

const statusOf = (attempt: number, tf32?: boolean) => ({
  ...{ v: 2 as const, state: 'queued' as const, attempt, worker: null, machine: null, reason: null },
  ...{ heartbeat: 0, started: null, ended: null, worked: 0 },
  device: { provider: 'cuda', threads: 2, ...(tf32 !== undefined && { tf32 }) },
});
const specWith = (device: { readonly provider: 'cuda' | 'webgpu' | 'tensorflow'; readonly tf32?: boolean }) => ({
  ...{ name: 'a', method: 'b', seed: 0, config: {} },
  device: { ...device, threads: 3 },
});

describe('TF32', () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'winnow-tf32-'));
  });
  after(() => {
    rmSync(folder, { recursive: true });
  });
  afterEach(forget);

  it('is a setting of the providers that compute with the libraries of NVIDIA', () => {
    assert.deepEqual(PROVIDERS.filter(hasTf32), ['cuda', 'tensorflow']);
  });

  it('is decided by the spec, then by the first attempt, then by the environment', () => {
    forget();
    assert.equal(deviceOf(specWith({ provider: 'cuda' }), statusOf(0)).tf32, true);
    process.env[VARIABLE] = '0';
    assert.equal(deviceOf(specWith({ provider: 'cuda' }), statusOf(0)).tf32, false);
    assert.equal(deviceOf(specWith({ provider: 'tensorflow' }), statusOf(0)).tf32, false);
    assert.equal(deviceOf(specWith({ provider: 'cuda' }), statusOf(1, true)).tf32, true);
    assert.equal(deviceOf(specWith({ provider: 'cuda', tf32: true }), statusOf(1, false)).tf32, true);
    assert.equal('tf32' in deviceOf(specWith({ provider: 'webgpu' }), statusOf(0)), false);
  });

  it('is set in the environment that the library finds when it is loaded, and not changed afterwards', () => {
    const seen = path.join(folder, 'seen.txt');
    const runtime = standInForCuda(path.join(folder, 'cuda'), { seen });
    process.env.WINNOW_RUNTIME_CUDA = runtime;
    try {
      forget();
      setTf32(true);
      assert.equal(process.env[VARIABLE], undefined);
      setTf32(false);
      setTf32(true);
      assert.equal(tf32InEnvironment(), true);
      useLibraryOf({ provider: 'cuda', tf32: false });
      assert.equal(process.env[VARIABLE], '0');
      // As a library that is not written in JavaScript sees it, and a program that this process starts.
      assert.equal(
        spawnSync(process.execPath, ['-p', `process.env.${VARIABLE}`], { encoding: 'utf8' }).stdout.trim(),
        '0',
      );
      assert.deepEqual(seenBy(seen), ['0']);
      useLibraryOf({ provider: 'cuda', tf32: false });
      useLibraryOf({ provider: 'cuda' });
      assert.throws(() => {
        useLibraryOf({ provider: 'cuda', tf32: true });
      }, /were loaded without TF32/);
    } finally {
      Reflect.deleteProperty(process.env, 'WINNOW_RUNTIME_CUDA');
    }
  });
});
