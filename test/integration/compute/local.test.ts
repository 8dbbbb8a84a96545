import path from 'node:path';
import { LocalCompute } from '../../../core/compute/local';
import { createRegistry } from '../../../core/experiments/registry';
import { readState } from '../../../core/experiments/run/state';
import { workerOf } from '../../fixtures/experiments/records';
import { arithmetic } from '../../fixtures/experiments/arithmetic';
import { contract, processHere, queueOf } from './contract';

contract('local', (bench) => {
  process.env.WINNOW_QUEUE = path.join(bench.folder, 'queue');
  const target = new LocalCompute(path.join(bench.folder, 'worker.js'), createRegistry([arithmetic]));
  return Promise.resolve({
    target,
    queue: queueOf(target),
    worker: async (dir) => processHere(workerOf((await readState(dir)).status)),
    openGate: (name) => bench.openGate(name),
    close: () => Promise.resolve(),
  });
});
