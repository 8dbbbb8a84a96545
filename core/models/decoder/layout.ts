import type { DecoderConfig } from './config';

/** One linear layer of the transformer: y = x Wᵀ + b. */
export interface LinearLayer {
  /** Name without `.weight`, as in the checkpoint. */
  readonly name: string;
  readonly layer: number;
  readonly kind: 'q' | 'k' | 'v' | 'o' | 'gate' | 'up' | 'down';
  readonly outputs: number;
  readonly inputs: number;
  readonly bias: boolean;
}

/** What the names of all tensors of a block begin with. */
export const blockPrefix = (layer: number): string => `model.layers.${layer}.`;

/** Name of a projection of a block's attention, without `.weight`. */
export const selfAttentionName = (layer: number, kind: 'q' | 'k' | 'v' | 'o'): string =>
  `${blockPrefix(layer)}self_attn.${kind}_proj`;

/** The linear layers of the transformer blocks, in order: those that a decomposition can factor. */
export function linearLayers(config: DecoderConfig): LinearLayer[] {
  const { hidden, intermediate, bias, grouping, headDim } = config;
  const keyValue = grouping.kvHeads * headDim;
  return Array.from({ length: config.layers }, (_, layer) => {
    const linear = (
      kind: LinearLayer['kind'],
      block: string,
      outputs: number,
      inputs: number,
      hasBias: boolean,
    ): LinearLayer => ({
      name: `${blockPrefix(layer)}${block}.${kind}_proj`,
      layer,
      kind,
      outputs,
      inputs,
      bias: hasBias,
    });
    return [
      linear('q', 'self_attn', grouping.queryHeads * headDim, hidden, bias.qkv),
      linear('k', 'self_attn', keyValue, hidden, bias.qkv),
      ...(grouping.sharedKeyValue ? [] : [linear('v', 'self_attn', keyValue, hidden, bias.qkv)]),
      linear('o', 'self_attn', hidden, grouping.heads * headDim, bias.output),
      linear('gate', 'mlp', intermediate, hidden, bias.mlp),
      linear('up', 'mlp', intermediate, hidden, bias.mlp),
      linear('down', 'mlp', hidden, intermediate, bias.mlp),
    ];
  }).flat();
}

/** The weights of a linear layer: one full matrix, or the factors u [outputs, rank] and v [rank, inputs] of y = u v x. */
export const fullName = (linear: string): string => `${linear}.weight`;
export const factorNames = (linear: string): { u: string; v: string } => ({
  u: `${linear}.u.weight`,
  v: `${linear}.v.weight`,
});

export const EMBEDDING = 'model.embed_tokens.weight';
export const HEAD = 'lm_head.weight';
export const FINAL_NORM = 'model.norm.weight';
export const attentionNorm = (layer: number): string => `${blockPrefix(layer)}input_layernorm.weight`;
export const mlpNorm = (layer: number): string => `${blockPrefix(layer)}post_attention_layernorm.weight`;

/** Name and shape of every tensor of the model, in the order of the checkpoint. */
export function tensorShapes(config: DecoderConfig): Map<string, readonly number[]> {
  const { hidden, vocabulary, ranks } = config;
  const shapes = new Map<string, readonly number[]>([[EMBEDDING, [vocabulary, hidden]]]);
  for (const linear of linearLayers(config)) {
    const { name, kind, layer, outputs, inputs } = linear;
    if (kind === 'q') shapes.set(attentionNorm(layer), [hidden]);
    if (kind === 'gate') shapes.set(mlpNorm(layer), [hidden]);
    const rank = ranks[name];
    if (rank === undefined) shapes.set(fullName(name), [outputs, inputs]);
    else {
      const { u, v } = factorNames(name);
      shapes.set(u, [outputs, rank]);
      shapes.set(v, [rank, inputs]);
    }
    if (linear.bias) shapes.set(`${name}.bias`, [outputs]);
  }
  shapes.set(FINAL_NORM, [hidden]);
  if (!config.tied) shapes.set(HEAD, [vocabulary, hidden]);
  return shapes;
}

/** Number of parameters of the model, and of the linear layers that a decomposition can factor. */
export function countParameters(config: DecoderConfig): { total: number; linear: number } {
  let total = 0;
  for (const shape of tensorShapes(config).values()) total += shape.reduce((product, length) => product * length, 1);
  const linear = linearLayers(config).reduce((sum, { name, outputs, inputs }) => {
    const rank = config.ranks[name];
    return sum + (rank === undefined ? outputs * inputs : rank * (outputs + inputs));
  }, 0);
  return { total, linear };
}

/**
 * Floating-point operations (2 per multiply-add) of the forward pass for one token that attends to `context` tokens.
 * Norms, activations and the rotation are left out, as is usual.
 */
export function flopsPerToken(config: DecoderConfig, context: number): number {
  const { linear } = countParameters(config);
  const head = config.vocabulary * config.hidden;
  const attention = 2 * config.layers * config.grouping.heads * config.headDim * context;
  return 2 * (linear + head + attention);
}
