import { sizeOf } from '../../engine/host';
import { patchCount, prefixTokens, type VitConfig } from './config';

/** Names of the tensors of a ViT as in transformers; those of a DeiT have the prefix `deit.`. */
export const names = ({ modelType }: Pick<VitConfig, 'modelType'>) => {
  const layer = (index: number) => `${modelType}.encoder.layer.${index}`;
  return {
    cls: `${modelType}.embeddings.cls_token`,
    distillation: `${modelType}.embeddings.distillation_token`,
    positions: `${modelType}.embeddings.position_embeddings`,
    /** A linear layer over the pixels of a patch, stored as a convolution. */
    patches: `${modelType}.embeddings.patch_embeddings.projection`,
    /** What the names of all tensors of a block begin with. */
    blockPrefix: (index: number) => `${layer(index)}.`,
    attentionNorm: (index: number) => `${layer(index)}.layernorm_before`,
    mlpNorm: (index: number) => `${layer(index)}.layernorm_after`,
    query: (index: number) => `${layer(index)}.attention.attention.query`,
    key: (index: number) => `${layer(index)}.attention.attention.key`,
    value: (index: number) => `${layer(index)}.attention.attention.value`,
    output: (index: number) => `${layer(index)}.attention.output.dense`,
    up: (index: number) => `${layer(index)}.intermediate.dense`,
    down: (index: number) => `${layer(index)}.output.dense`,
    finalNorm: `${modelType}.layernorm`,
    classifier: 'classifier',
  };
};

/** Name and shape of every tensor of the model, in the order of the checkpoint. */
export function vitTensorShapes(config: VitConfig): Map<string, readonly number[]> {
  const { hidden, intermediate, patchSize, channels, grouping, headDim, labels, qkvBias, modelType } = config;
  const name = names(config);
  const shapes = new Map<string, readonly number[]>();
  const linear = (at: string, outputs: number, inputs: number, bias = true) => {
    shapes.set(`${at}.weight`, [outputs, inputs]);
    if (bias) shapes.set(`${at}.bias`, [outputs]);
  };
  const norm = (at: string) => {
    shapes.set(`${at}.weight`, [hidden]);
    shapes.set(`${at}.bias`, [hidden]);
  };
  shapes.set(name.cls, [1, 1, hidden]);
  if (modelType === 'deit') shapes.set(name.distillation, [1, 1, hidden]);
  shapes.set(name.positions, [1, prefixTokens(config) + patchCount(config), hidden]);
  shapes.set(`${name.patches}.weight`, [hidden, channels, patchSize, patchSize]);
  shapes.set(`${name.patches}.bias`, [hidden]);
  for (let layer = 0; layer < config.layers; layer++) {
    norm(name.attentionNorm(layer));
    linear(name.query(layer), grouping.queryHeads * headDim, hidden, qkvBias);
    linear(name.key(layer), grouping.kvHeads * headDim, hidden, qkvBias);
    if (!grouping.sharedKeyValue) linear(name.value(layer), grouping.kvHeads * headDim, hidden, qkvBias);
    linear(name.output(layer), hidden, grouping.heads * headDim);
    norm(name.mlpNorm(layer));
    linear(name.up(layer), intermediate, hidden);
    linear(name.down(layer), hidden, intermediate);
  }
  norm(name.finalNorm);
  linear(name.classifier, labels.length, hidden);
  return shapes;
}

/** Parameters of the model. */
export const countVitParameters = (config: VitConfig): number =>
  [...vitTensorShapes(config).values()].reduce((sum, shape) => sum + sizeOf(shape), 0);
