import type { TensorTree } from '../host';

/** A step whose results are its state: how tensors leave a device. */
export const identityStep = (state: TensorTree): { metrics: TensorTree } => ({ metrics: state });
