import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { explained, failureOf } from '../../../core/engine/runtime/failure';
import type { UserError } from '../../../core/errors';

describe('an error of a library', () => {
  const node = "Non-zero status code returned while running FusedMatMul node. Name:'FusedMatMul_29' Status Message: ";
  const arena =
    `${node}/onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:360 void* onnxruntime::BFCArena::AllocateRawInternal(` +
    'size_t, bool, onnxruntime::Stream*) Failed to allocate memory for requested buffer of size 7340032\n';

  it('is known where it says that memory ran out', () => {
    for (const message of [
      arena,
      `${node}std::bad_alloc`,
      'CUDA failure 2: out of memory ; GPU=0 ; hostname=box ; file=/onnxruntime_src/core/providers/cuda/cuda_allocator.cc',
      'CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0',
      'OOM when allocating tensor with shape[1024,1024] and type float on /job:localhost/replica:0/task:0/device:GPU:0',
      'Array buffer allocation failed',
      'VK_ERROR_OUT_OF_DEVICE_MEMORY',
      // What WebGPU says on SwiftShader.
      'WebGPU validation failed. [Invalid Buffer (unlabeled)] is invalid due to a previous error.\n - While validating entries[1]',
      `${node}Tile output tensor would require more than 4294967296 bytes, which exceeds the supported maximum of 4294967296 bytes.`,
      'Buffer size (5368709120) exceeds the max buffer size limit (4294967296).',
    ])
      assert.equal(failureOf(new Error(message)), 'device.out-of-memory', message);
    assert.equal(failureOf(new Error('WebGPU device lost: reset')), 'device.lost');
    for (const message of [`${node}invalid indices`, 'the loss was lost', 'no memory of this'])
      assert.equal(failureOf(new Error(message)), undefined, message);
  });

  it('becomes one that says what could not be allocated', () => {
    const error = explained(new Error(arena), 'cpu') as UserError;
    assert.equal(error.message, 'The memory of "cpu" ran out. A buffer of 7.3 MB could not be allocated.');
    assert.equal(explained(error, 'cpu'), error);
    const other = new Error('else');
    assert.equal(explained(other, 'cpu'), other);
    const short = explained(new Error(`${node}std::bad_alloc`), 'cpu') as UserError;
    assert.equal(short.message, 'The memory of "cpu" ran out. std::bad_alloc.');
  });
});
