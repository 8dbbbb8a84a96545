import * as l10n from '@vscode/l10n';
import { formatCount } from '../../protocol/format';
import { openCorpus } from '../../data/text/corpus';
import type { Method } from '../../experiments/method';
import { variantName } from '../../protocol/grouping';
import { checkBlockLength, parseDecoderConfig } from '../../models/decoder/config';
import { checkSequenceLength, parseEncoderConfig } from '../../models/encoder/config';
import { RESUMABLE_BYTES } from '../../training/config';
import { textInput } from '../data-inputs';
import { decoderJson, encoderJson } from './architecture';
import { PRETRAINED } from './artifacts';
import { PretrainConfig } from './config';
import { decoderCost, encoderCost, secondsOf, type TrainingCost } from '../../training/cost';

/** Measured bytes of English text per token, for a vocabulary of a few thousand; a plan only needs an estimate. */
const BYTES_PER_TOKEN = { 'next-token': 4.2, masked: 5 } as const;

/** Name and cost of the model that the settings describe. */
function costOf(config: PretrainConfig): TrainingCost & { readonly kind: string; readonly attention: string } {
  const { blockLength } = config.data;
  if (config.objective === 'masked') {
    const encoder = parseEncoderConfig(encoderJson(config, config.vocabulary));
    checkSequenceLength(encoder, blockLength, 'data.blockLength');
    return { kind: l10n.t('an encoder'), attention: '', ...encoderCost(encoder, config) };
  }
  const decoder = parseDecoderConfig(decoderJson(config, config.vocabulary));
  checkBlockLength(decoder, blockLength);
  return { kind: l10n.t('a decoder'), attention: variantName(decoder.grouping), ...decoderCost(decoder, config) };
}

export const pretrain: Method<PretrainConfig> = {
  name: 'pretrain',
  title: 'Pretraining',
  summary:
    'Trains a tokenizer and a small language model from scratch on a corpus, a decoder or a text encoder: a parent for the other methods.',
  starting: [
    {
      data: textInput('data.source'),
      budgets: [
        {
          label: 'A first look',
          detail: 'A model of a million parameters, a few minutes on a laptop',
          values: {
            'model.hidden_size': 128,
            'model.intermediate_size': 352,
            'model.num_hidden_layers': 4,
            'model.num_attention_heads': 4,
            'model.num_key_value_heads': 2,
            vocabulary: 2048,
            'data.blockLength': 128,
            epochs: 0.5,
            'training.batchSize': 16,
          },
        },
        {
          label: 'The embedded parent',
          detail: 'As the model that Winnow brings was made: about an hour on two cores',
          values: { vocabulary: 4096, 'data.blockLength': 256, epochs: 6, 'training.learningRate': 0.002 },
        },
        {
          label: 'A text encoder',
          detail:
            'A model of the BERT family that fills in masked words, as the embedded one: most of an hour on two cores',
          values: {
            objective: 'masked',
            'model.intermediate_size': 768,
            'model.max_position_embeddings': 256,
            vocabulary: 8192,
            'data.blockLength': 256,
            epochs: 5,
          },
        },
      ],
    },
  ],
  paths: ['data.source'],
  artifacts: [PRETRAINED],
  formerKeys: { neighbours: 'neighbors' },
  units: 'tokens',
  config: PretrainConfig,
  async plan(config, context) {
    const corpus = await openCorpus(config.data, context.baseDir);
    let bytes = 0;
    for await (const { text } of corpus.documents()) bytes += Buffer.byteLength(text);
    const corpusTokens = bytes / BYTES_PER_TOKEN[config.objective];
    const tokens = Math.round(config.epochs * corpusTokens * (1 - config.data.heldOutShare));
    const { kind, attention, parameters, forward } = costOf(config);
    const { training, data } = config;
    const steps = Math.ceil(tokens / (training.batchSize * training.accumulate * data.blockLength));
    const evaluations = (steps / config.evaluateEvery) * config.evaluateShare + 1;
    const evaluateTokens = evaluations * corpusTokens * data.heldOutShare;
    return {
      stages: [
        l10n.t`train a vocabulary of ${config.vocabulary} tokens on the corpus`,
        attention === ''
          ? l10n.t`train ${kind} of ${formatCount(parameters)} parameters for ${steps} steps`
          : l10n.t`train ${kind} of ${formatCount(parameters)} parameters with ${attention} attention for ${steps} steps`,
        l10n.t('evaluate on held-out documents'),
      ],
      tokens,
      seconds: await secondsOf([{ forward, trainTokens: tokens, evaluateTokens }]),
      diskBytes: (RESUMABLE_BYTES + 2) * parameters,
    };
  },
  async memory(config, _context, device) {
    const { decoderMemory, deviceBytes, maskedMemory } = await import('../../training/model-memory');
    const { data, objective, maskShare, vocabulary } = config;
    const { blockLength } = data;
    return (training) =>
      deviceBytes(
        objective === 'masked'
          ? maskedMemory(
              parseEncoderConfig(encoderJson(config, vocabulary)),
              { training, blockLength, maskShare },
              device,
            )
          : decoderMemory(
              { decoder: parseDecoderConfig(decoderJson(config, vocabulary)), training, blockLength },
              device,
            ),
        device,
      );
  },
  run: async (config, context) => (await import('./pipeline')).runPretrain(config, context),
  async fingerprint(config, context) {
    const corpus = await openCorpus(config.data, context.baseDir);
    return { data: await corpus.fingerprint() };
  },
};
