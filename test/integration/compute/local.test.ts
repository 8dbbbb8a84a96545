import path from 'node:path';
import { LocalCompute } from '../../../core/compute/local';
import { createRegistry } from '../../../core/experiments/registry';
import { readState } from '../../../core/experiments/run/state';
import { workerOf } from '../../fixtures/experiments/records';
import { arithmetic } from '../../fixtures/experiments/arithmetic';
import { contract, processHere } from './contract';

contract('local', (bench) =>
  Promise.resolve({
    target: new LocalCompute(path.join(bench.folder, 'worker.js'), createRegistry([arithmetic])),
    worker: async (dir) => processHere(workerOf((await readState(dir)).status)),
    openGate: (name) => bench.openGate(name),
    close: () => Promise.resolve(),
  }),
);
