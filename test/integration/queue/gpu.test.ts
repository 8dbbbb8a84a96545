import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { readState } from '../../../core/experiments/run/state';
import { softwareGpu } from '../../software-gpu';
import { at } from '../experiments/workbench';
import { QueueBed } from './queue-bed';

describe('the queue of a GPU', { concurrency: false }, () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'winnow-gpu-'));
  let bed: QueueBed;
  before(async () => {
    bed = await QueueBed.open(softwareGpu(directory));
  });
  after(async () => {
    await bed.close();
    rmSync(directory, { recursive: true });
  });

  it('computes one run at a time without any setting, and does not hold up the CPU', async (t) => {
    const devices = at(await bed.json(0, 'devices'), 'devices') as { provider: string; available: boolean }[];
    if (!devices.some(({ provider, available }) => provider === 'webgpu' && available)) {
      t.skip('this machine cannot compute on WebGPU; Debian has a software adapter in its package chromium');
      return;
    }
    const device = { device: { provider: 'webgpu', threads: 1 } };
    const [a, b] = [await bed.submit('a', device), await bed.submit('b', device)];
    const c = await bed.submit('c');
    assert.equal(await bed.until(a, 'running', 'failed'), 'running');
    assert.equal(await bed.until(c, 'running', 'pending', 'failed'), 'running');
    assert.equal((await readState(b)).status.reason?.message, 'next in line for the GPU');
    assert.deepEqual(bed.line(), { running: ['a', 'c'], waiting: ['b'] });
    await bed.open('a');
    assert.equal(await bed.until(b, 'running', 'failed'), 'running');
    for (const gate of ['b', 'c']) await bed.open(gate);
    for (const dir of [a, b, c]) assert.equal(await bed.until(dir, 'done', 'failed'), 'done');
  });
});
