import { sizeOf } from '../../engine/host';
import type { EncoderConfig } from './config';

/** The head of an encoder: none, a classifier or regression of whole sequences, or the prediction of masked tokens. */
export type EncoderHead = 'none' | 'sequence' | 'masked';

/** Names of the linear layers and norms of one block, without `.weight` and `.bias`. */
interface BlockNames {
  /** What the names of all its tensors begin with. */
  readonly prefix: string;
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly output: string;
  readonly attentionNorm: string;
  readonly up: string;
  readonly down: string;
  readonly mlpNorm: string;
}

interface EncoderNames {
  /** Prefix of the names of the encoder's own tensors; the folder of a bare model has none. */
  readonly prefix: string;
  readonly words: string;
  readonly positions: string;
  readonly types: string;
  readonly embeddingNorm: string;
  block(index: number): BlockNames;
  /** The layer between the first token and the classifier. */
  readonly pooler: string;
  readonly classifier: string;
  /** The layer and its norm between the tokens and the vocabulary, and the output layer over the vocabulary. */
  readonly transform: string;
  readonly transformNorm: string;
  readonly vocabulary: { readonly weight: string; readonly bias: string };
}

/** transformers ties the bias of BERT's output layer to one outside the layer, just as it ties the weight to the words. */
const UNTIED_BERT_BIAS = 'cls.predictions.decoder.bias';

const BERT: EncoderNames = {
  prefix: 'bert.',
  words: 'bert.embeddings.word_embeddings.weight',
  positions: 'bert.embeddings.position_embeddings.weight',
  types: 'bert.embeddings.token_type_embeddings.weight',
  embeddingNorm: 'bert.embeddings.LayerNorm',
  block: (index) => {
    const layer = `bert.encoder.layer.${index}`;
    return {
      prefix: `${layer}.`,
      query: `${layer}.attention.self.query`,
      key: `${layer}.attention.self.key`,
      value: `${layer}.attention.self.value`,
      output: `${layer}.attention.output.dense`,
      attentionNorm: `${layer}.attention.output.LayerNorm`,
      up: `${layer}.intermediate.dense`,
      down: `${layer}.output.dense`,
      mlpNorm: `${layer}.output.LayerNorm`,
    };
  },
  pooler: 'bert.pooler.dense',
  classifier: 'classifier',
  transform: 'cls.predictions.transform.dense',
  transformNorm: 'cls.predictions.transform.LayerNorm',
  vocabulary: { weight: 'cls.predictions.decoder.weight', bias: 'cls.predictions.bias' },
};

const DISTILBERT: EncoderNames = {
  prefix: 'distilbert.',
  words: 'distilbert.embeddings.word_embeddings.weight',
  positions: 'distilbert.embeddings.position_embeddings.weight',
  types: '',
  embeddingNorm: 'distilbert.embeddings.LayerNorm',
  block: (index) => {
    const layer = `distilbert.transformer.layer.${index}`;
    return {
      prefix: `${layer}.`,
      query: `${layer}.attention.q_lin`,
      key: `${layer}.attention.k_lin`,
      value: `${layer}.attention.v_lin`,
      output: `${layer}.attention.out_lin`,
      attentionNorm: `${layer}.sa_layer_norm`,
      up: `${layer}.ffn.lin1`,
      down: `${layer}.ffn.lin2`,
      mlpNorm: `${layer}.output_layer_norm`,
    };
  },
  pooler: 'pre_classifier',
  classifier: 'classifier',
  transform: 'vocab_transform',
  transformNorm: 'vocab_layer_norm',
  vocabulary: { weight: 'vocab_projector.weight', bias: 'vocab_projector.bias' },
};

/** Names of the tensors as in transformers. */
export function names({ modelType, tied }: Pick<EncoderConfig, 'modelType' | 'tied'>): EncoderNames {
  if (modelType === 'distilbert') return DISTILBERT;
  return tied ? BERT : { ...BERT, vocabulary: { ...BERT.vocabulary, bias: UNTIED_BERT_BIAS } };
}

/** Collects names and shapes in the order of the checkpoint. */
function shapeList() {
  const shapes = new Map<string, readonly number[]>();
  return {
    shapes,
    linear: (at: string, outputs: number, inputs: number) => {
      shapes.set(`${at}.weight`, [outputs, inputs]);
      shapes.set(`${at}.bias`, [outputs]);
    },
    norm: (at: string, width: number) => {
      shapes.set(`${at}.weight`, [width]);
      shapes.set(`${at}.bias`, [width]);
    },
  };
}

/** Name and shape of every tensor of the encoder without a head. */
export function bodyTensorShapes(config: EncoderConfig): Map<string, readonly number[]> {
  const { hidden, intermediate } = config;
  const name = names(config);
  const { shapes, linear, norm } = shapeList();
  shapes.set(name.words, [config.vocabulary, hidden]);
  shapes.set(name.positions, [config.maxPositions, hidden]);
  if (config.tokenTypes > 0) shapes.set(name.types, [config.tokenTypes, hidden]);
  norm(name.embeddingNorm, hidden);
  for (let index = 0; index < config.layers; index++) {
    const block = name.block(index);
    for (const projection of [block.query, block.key, block.value, block.output]) linear(projection, hidden, hidden);
    norm(block.attentionNorm, hidden);
    linear(block.up, intermediate, hidden);
    linear(block.down, hidden, intermediate);
    norm(block.mlpNorm, hidden);
  }
  return shapes;
}

/** Name and shape of every tensor of a head. */
export function headTensorShapes(config: EncoderConfig, head: EncoderHead): Map<string, readonly number[]> {
  const { hidden, vocabulary } = config;
  const name = names(config);
  const { shapes, linear, norm } = shapeList();
  if (head === 'sequence') {
    linear(name.pooler, hidden, hidden);
    linear(name.classifier, config.labels.length, hidden);
  }
  if (head === 'masked') {
    linear(name.transform, hidden, hidden);
    norm(name.transformNorm, hidden);
    if (!config.tied) shapes.set(name.vocabulary.weight, [vocabulary, hidden]);
    shapes.set(name.vocabulary.bias, [vocabulary]);
  }
  return shapes;
}

/** Name and shape of every tensor of the model, in the order of the checkpoint. */
export const encoderTensorShapes = (config: EncoderConfig, head: EncoderHead): Map<string, readonly number[]> =>
  new Map([...bodyTensorShapes(config), ...headTensorShapes(config, head)]);

/** Parameters of the model. */
export const countEncoderParameters = (config: EncoderConfig, head: EncoderHead): number =>
  [...encoderTensorShapes(config, head).values()].reduce((sum, shape) => sum + sizeOf(shape), 0);
