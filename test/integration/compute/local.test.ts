import path from 'node:path';
import { LocalCompute } from '../../../core/compute/local';
import { readState } from '../../../core/experiments/run/state';
import { workerOf } from '../../fixtures/experiments/records';
import { contract } from './contract';

contract('local', (bench) =>
  Promise.resolve({
    target: new LocalCompute(path.join(bench.folder, 'worker.js')),
    worker: async (dir) => workerOf((await readState(dir)).status),
    openGate: (name) => bench.openGate(name),
    close: () => Promise.resolve(),
  }),
);
