import type { Start } from '../../experiments/starting';
import { FROM_SCRATCH, imageInput, labeledTextInput, textInput } from '../data-inputs';
import { EMBEDDED_ENCODER, EMBEDDED_PARENT } from '../../models/embedded';

/** One for each kind of data. */
export const STARTING: readonly [Start, ...Start[]] = [
  {
    label: 'Texts',
    detail: 'Trains a text encoder to classify texts or to rate them',
    model: { key: 'texts.encoder', takes: ['encoder'], embedded: EMBEDDED_ENCODER },
    data: labeledTextInput('texts.data.source'),
    budgets: [
      {
        label: 'A first look',
        detail: 'Texts of at most 64 tokens, one seed: minutes on a laptop',
        values: {
          'texts.maxLength': 64,
          keep: [0.1],
          epochs: 6,
          warmupEpochs: 1,
          controls: ['fewer-epochs', 'random-longer'],
          seeds: 1,
          'training.batchSize': 16,
        },
      },
      {
        label: 'As the paper',
        detail: 'A tenth of the samples after one epoch on all, three seeds: a GPU for a real BERT',
        values: { 'texts.maxLength': 128, keep: [0.1], epochs: 5, 'training.learningRate': 0.00003 },
      },
    ],
  },
  {
    label: 'Images',
    detail: 'Trains a vision transformer to classify images',
    model: { key: 'images.model.from', takes: ['vit', 'grouped-vit'], without: FROM_SCRATCH },
    data: imageInput('images.data.source'),
    budgets: [
      {
        label: 'A first look',
        detail: 'A small model on small images, one seed: minutes on a laptop',
        values: {
          'images.model.hidden_size': 64,
          'images.model.intermediate_size': 128,
          'images.model.num_hidden_layers': 4,
          'images.model.num_attention_heads': 4,
          'images.model.patch_size': 7,
          'images.model.image_size': 28,
          'images.model.initializer_range': 0.15,
          'images.augment.pad': 1,
          keep: [0.1],
          epochs: 12,
          warmupEpochs: 2,
          finalEpochs: 1,
          controls: ['fewer-epochs', 'random-longer'],
          seeds: 1,
          'training.batchSize': 64,
          'training.learningRate': 0.003,
        },
      },
      {
        label: 'A thorough comparison',
        detail: 'ViT-small on images of 224 x 224, three seeds: a GPU, and hours to days',
        values: {
          'images.model.image_size': 224,
          'images.augment.crop': 0.08,
          'images.augment.flip': true,
          keep: [0.1],
          epochs: 100,
          warmupEpochs: 5,
          'training.batchSize': 128,
        },
      },
    ],
  },
  {
    label: 'A language model',
    detail: 'Trains a language model further on the blocks of a text that it learns from most',
    model: { key: 'language.model', takes: ['decoder'], embedded: EMBEDDED_PARENT },
    data: textInput('language.data.source'),
    budgets: [
      {
        label: 'A first look',
        detail: 'A quarter of the blocks, two epochs, one seed: minutes on a laptop with the small model',
        values: {
          keep: [0.25],
          epochs: 2,
          warmupEpochs: 1,
          scores: ['loss'],
          controls: ['fewer-epochs'],
          seeds: 1,
          'training.batchSize': 16,
        },
      },
      {
        label: 'A thorough comparison',
        detail: 'A tenth of the blocks, five epochs, three seeds: a GPU for a large model',
        values: { keep: [0.1], epochs: 5, scores: ['loss'], 'training.learningRate': 0.00003 },
      },
    ],
  },
];
