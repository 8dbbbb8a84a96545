import * as l10n from '@vscode/l10n';
import { messageOf, UserError } from '../../errors';
import { formatBytes } from '../../protocol/format';
import { sentence } from './ort-message';

/** The codes of errors after which a run can go on from its last checkpoint, once the cause is gone. */
export const OUT_OF_MEMORY = 'device.out-of-memory';
export const DEVICE_LOST = 'device.lost';

/** What libraries say when memory runs out, on the device or in main memory. */
const SIGNS_OF_MEMORY = [
  // ONNX Runtime: its arena, and allocations in operators.
  /Failed to allocate memory for requested buffer/,
  /std::bad_alloc|bad allocation/,
  // The threads of a session need memory as well.
  /pthread_create|PosixThread.*Resource temporarily unavailable/s,
  // CUDA and its libraries.
  /CUDA[^\n]{0,40}out of memory/i,
  /cudaErrorMemoryAllocation|CU(BLAS|DNN|SPARSE|SOLVER)_STATUS_(ALLOC_FAILED|INTERNAL_ERROR_HOST_ALLOCATION_FAILED)/,
  // A tensor of a size that no memory would be enough for.
  /would require more than \d+ bytes/,
  // WebGPU; a buffer that could not be created is noticed where it is used.
  /\[Invalid Buffer[^\]]*\] is invalid due to a previous error|Allocation size too large/,
  /(Vulkan|D3D12|Metal|WebGPU|wgpu|Dawn)[^\n]{0,80}out of (device |host )?memory/i,
  /VK_ERROR_OUT_OF_(DEVICE|HOST)_MEMORY|E_OUTOFMEMORY|GPUOutOfMemoryError/,
  /(buffer|binding) size[^\n]{0,80}(larger than|exceeds|greater than)[^\n]{0,60}(max|limit)/i,
  // TensorFlow.
  /OOM when allocating/,
  /^Out of memory\b/i,
  // V8, for the buffers of tensors.
  /Array buffer allocation failed/,
];

/** A GPU whose driver was reset or whose memory ran out: WebGPU does not say which. */
const SIGNS_OF_LOSS = [/\bdevice (is |was )?lost\b/i, /DXGI_ERROR_DEVICE_(REMOVED|HUNG|RESET)|VK_ERROR_DEVICE_LOST/];

/** Whether computing failed for want of memory, or because the device was lost: the code of the error that says so. */
export function failureOf(error: unknown): typeof OUT_OF_MEMORY | typeof DEVICE_LOST | undefined {
  if (error instanceof UserError)
    return error.code === OUT_OF_MEMORY || error.code === DEVICE_LOST ? error.code : undefined;
  const message = messageOf(error);
  if (SIGNS_OF_MEMORY.some((sign) => sign.test(message))) return OUT_OF_MEMORY;
  return SIGNS_OF_LOSS.some((sign) => sign.test(message)) ? DEVICE_LOST : undefined;
}

/** The error of a library as one that the user can act on, if it is about memory or the device; otherwise the error itself. */
export function explained(error: unknown, provider: string): unknown {
  const code = failureOf(error);
  if (code === undefined || error instanceof UserError) return error;
  const message = messageOf(error);
  const size = /requested buffer of size (\d+)/.exec(message)?.[1];
  const said =
    size === undefined
      ? sentence(message.replace(/^.*Status Message: /s, ''))
      : l10n.t`A buffer of ${formatBytes(Number(size))} could not be allocated.`;
  return code === OUT_OF_MEMORY
    ? new UserError(
        code,
        l10n.t`The memory of "${provider}" ran out. ${said}`,
        l10n.t('Free memory, or compute with a smaller batch.'),
        { cause: error },
      )
    : new UserError(
        code,
        l10n.t`The device of "${provider}" was lost: its driver was reset, or its memory ran out. ${said}`,
        l10n.t('Check with "winnow devices" that it works.'),
        { cause: error },
      );
}
