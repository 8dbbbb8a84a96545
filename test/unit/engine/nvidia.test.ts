import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gpusOf, nvidiaGpus } from '../../../core/engine/devices/nvidia';
import { sentence } from '../../../core/engine/runtime/ort-message';

describe('what nvidia-smi says', () => {
  it('is read: two GPUs, and what computes on them', () => {
    const gpus = [
      '0, GPU-aa, NVIDIA H100 80GB HBM3, 580.65.06, 9.0, 81559, 80000, 12',
      '1, GPU-bb, NVIDIA H100 80GB HBM3, 580.65.06, 9.0, 81559, 500, 100',
    ].join('\n');
    const processes = 'GPU-bb, 4711, /usr/bin/python3, 79000\nGPU-bb, 4712, a, strange, name, 1\n';
    assert.deepEqual(gpusOf(gpus, processes), [
      {
        index: 0,
        uuid: 'GPU-aa',
        name: 'NVIDIA H100 80GB HBM3',
        driver: '580.65.06',
        computeCapability: 9,
        use: 0.12,
        memory: { total: 81559 * 2 ** 20, free: 80000 * 2 ** 20 },
        processes: [],
      },
      {
        index: 1,
        uuid: 'GPU-bb',
        name: 'NVIDIA H100 80GB HBM3',
        driver: '580.65.06',
        computeCapability: 9,
        use: 1,
        memory: { total: 81559 * 2 ** 20, free: 500 * 2 ** 20 },
        processes: [
          { pid: 4711, name: '/usr/bin/python3', memory: 79000 * 2 ** 20 },
          { pid: 4712, name: 'a, strange, name', memory: 2 ** 20 },
        ],
      },
    ]);
  });

  it('leaves out what the driver does not tell', () => {
    assert.deepEqual(gpusOf('0, GPU-aa, Orin, 540.3.0, [N/A], [N/A], [N/A], [Not Supported]\n', ''), [
      { index: 0, uuid: 'GPU-aa', name: 'Orin', driver: '540.3.0', processes: [] },
    ]);
  });

  it('is a sentence where there is no nvidia-smi', async () => {
    assert.deepEqual(await nvidiaGpus('no-such-nvidia-smi'), { gpus: [], problem: 'no-such-nvidia-smi was not found' });
  });
});

describe('an error of ONNX Runtime', () => {
  it('is cut to what it says', () => {
    const cuda =
      '/onnxruntime_src/cuda_call.cc:154 bool CudaCall(ERRTYPE) [with ERRTYPE = cudaError] CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version ; GPU=-1 ; hostname=vm ; expr=cudaSetDevice(info_.device_id);';
    assert.equal(sentence(cuda), 'CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version.');
    assert.equal(sentence('source.cc:1 Init() ok was false. No adapter\nmore'), 'No adapter.');
  });
});
