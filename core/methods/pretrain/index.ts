import { openCorpus } from '../../data/text/corpus';
import type { Method } from '../../experiments/method';
import { checkBlockLength, parseDecoderConfig } from '../../models/decoder/config';
import { countParameters } from '../../models/decoder/layout';
import { PretrainConfig } from './config';
import { estimateSeconds, trainingMemory } from './cost';

/** Bytes of English text per token of a vocabulary of a few thousand; an estimate is all that a plan needs. */
const BYTES_PER_TOKEN = 4.2;

export const pretrain: Method<PretrainConfig> = {
  name: 'pretrain',
  title: 'Pretraining',
  summary: 'Trains a tokenizer and a small language model from nothing on a corpus: a parent for the other methods.',
  config: PretrainConfig,
  async plan(config, context) {
    const corpus = await openCorpus(config.data, context.baseDir);
    let bytes = 0;
    for await (const { text } of corpus.documents()) bytes += Buffer.byteLength(text);
    const corpusTokens = bytes / BYTES_PER_TOKEN;
    const tokens = Math.round(config.epochs * corpusTokens * (1 - config.data.heldOutShare));
    const decoder = parseDecoderConfig({ model_type: 'llama', ...config.model, vocab_size: config.vocabulary });
    checkBlockLength(decoder, config.data.blockLength);
    const { total } = countParameters(decoder);
    const { training, data } = config;
    const steps = Math.ceil(tokens / (training.batchSize * training.accumulate * data.blockLength));
    const evaluations = (steps / config.evaluateEvery) * config.evaluateShare + 1;
    const evaluateTokens = evaluations * corpusTokens * data.heldOutShare;
    return {
      stages: [
        `train a vocabulary of ${config.vocabulary} tokens on the corpus`,
        `train a decoder of ${(total / 1e6).toFixed(1)} million parameters for ${steps} steps`,
        'evaluate on held-out documents',
      ],
      tokens,
      seconds: await estimateSeconds([{ decoder, trainTokens: tokens, evaluateTokens }], data.blockLength),
      memoryBytes: trainingMemory(decoder, training, data.blockLength),
      diskBytes: 12 * total + 2 * total,
    };
  },
  run: async (config, context) => (await import('./pipeline')).runPretrain(config, context),
  async fingerprint(config, context) {
    const corpus = await openCorpus(config.data, context.baseDir);
    return { data: await corpus.fingerprint() };
  },
};
