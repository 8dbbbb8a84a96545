import { fingerprintModel } from '../../../checkpoint/fingerprint';
import { openModelFolder } from '../../../checkpoint/model-folder';
import { openCorpus, type Corpus } from '../../../data/text/corpus';
import type { Tokenizer } from '../../../data/tokenizer/tokenizer';
import { describeDecoder, loadDecoder, requireTokenizer, type LoadedDecoder } from '../../../models/decoder/checkpoint';
import { checkBlockLength, type DecoderConfig } from '../../../models/decoder/config';
import { countParameters, flopsPerToken } from '../../../models/decoder/layout';
import { loadModelTokenizer } from '../../../models/model-tokenizer';
import { decoderFolder } from '../../../models/embedded';
import type { SwiftLearnConfig } from '../config';
import { EVALUATIONS, type Task } from './task';

type LanguageConfig = NonNullable<SwiftLearnConfig['language']>;

/** Approximate number of UTF-8 bytes of a corpus that a plan tokenizes; the token count is extrapolated from them. */
const SAMPLED = 2 ** 17;

/**
 * Text and the language model to train on it. The corpus is tokenized only by a run, so the number of blocks is an estimate.
 * @throws UserError `data.block-too-long`, `model.*` and those of the corpus
 */
export async function openLanguageTask({ data, model }: LanguageConfig, baseDir: string): Promise<Task> {
  const dir = decoderFolder(model, baseDir);
  const { config, fingerprint, tokenizerPath } = await readFolder(dir);
  const { blockLength, heldOutShare } = data;
  checkLength(config, blockLength);
  const corpus = await openCorpus(data, baseDir);
  const tokens = await estimateTokens(corpus, await loadModelTokenizer(tokenizerPath, config));
  return {
    size: Math.max(1, Math.floor((tokens * (1 - heldOutShare)) / blockLength)),
    heldOutSize: Math.max(1, Math.ceil((tokens * heldOutShare) / blockLength)),
    classes: [],
    outputs: 0,
    parameterCount: countParameters(config).total,
    width: config.hidden,
    flopsPerSample: blockLength * flopsPerToken(config, blockLength / 2),
    async memory(device) {
      const { decoderMemory, deviceBytes } = await import('../../../training/model-memory');
      const options = { decoder: config, blockLength, evaluations: EVALUATIONS };
      return (training) => deviceBytes(decoderMemory({ ...options, training }, device), device);
    },
    fingerprint: async () => ({ model: fingerprint, data: await corpus.fingerprint() }),
  };
}

/** The model to train on. @throws UserError `data.block-too-long`, `model.*` */
export async function loadLanguageModel({ data, model }: LanguageConfig, baseDir: string): Promise<LoadedDecoder> {
  const decoder = await loadDecoder(decoderFolder(model, baseDir));
  checkLength(decoder.config, data.blockLength);
  // Checks that the tokenizer fits the model before the text is tokenized.
  await loadModelTokenizer(decoder.tokenizerPath, decoder.config);
  return decoder;
}

/** Path of the model's tokenizer; the weights are not read. @throws UserError `model.*` */
export async function tokenizerPathOf({ model }: Pick<LanguageConfig, 'model'>, baseDir: string): Promise<string> {
  const dir = decoderFolder(model, baseDir);
  const folder = await openModelFolder(dir);
  try {
    return requireTokenizer(folder, dir);
  } finally {
    await folder.close();
  }
}

const checkLength = (config: DecoderConfig, blockLength: number) => {
  checkBlockLength(config, blockLength, 'language.data.blockLength');
};

async function readFolder(dir: string) {
  const folder = await openModelFolder(dir);
  try {
    return {
      config: (await describeDecoder(folder, dir)).config,
      fingerprint: await fingerprintModel(folder),
      tokenizerPath: requireTokenizer(folder, dir),
    };
  } finally {
    await folder.close();
  }
}

/** Estimates the tokens of a corpus: those at its beginning are counted, the rest extrapolated from bytes. */
async function estimateTokens(corpus: Corpus, tokenizer: Tokenizer): Promise<number> {
  const sampled = { bytes: 0, tokens: 0 };
  let bytes = 0;
  let documents = 0;
  for await (const { text } of corpus.documents()) {
    bytes += Buffer.byteLength(text);
    // Each document ends with one extra token.
    documents++;
    if (sampled.bytes >= SAMPLED) continue;
    const part = text.slice(0, SAMPLED);
    sampled.bytes += Buffer.byteLength(part);
    sampled.tokens += tokenizer.encode(part).length;
  }
  return (bytes * sampled.tokens) / sampled.bytes + documents;
}
