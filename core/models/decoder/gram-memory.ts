import type { LinearLayer } from './layout';

/** Bytes of the Gram matrices of these layers in double precision, twice while they grow. */
export function gramBytes(layers: readonly LinearLayer[], gradients: boolean): number {
  const DOUBLE = 8;
  const square = (size: number) => 2 * DOUBLE * size * size;
  const shared = new Map<string, number>();
  for (const { layer, kind, inputs } of layers) shared.set(`${layer} ${INPUT_OF[kind]}`, square(inputs));
  const inputs = [...shared.values()].reduce((sum, bytes) => sum + bytes, 0);
  return inputs + (gradients ? layers.reduce((sum, { outputs }) => sum + square(outputs), 0) : 0);
}

/** Which input of a block each kind of layer reads. */
const INPUT_OF: Readonly<Record<LinearLayer['kind'], string>> = {
  ...{ q: 'attention', k: 'attention', v: 'attention', o: 'attended' },
  ...{ gate: 'mlp', up: 'mlp', down: 'gated' },
};
