import { existsSync } from 'node:fs';
import path from 'node:path';
import { TOKENIZER_FILE } from '../../checkpoint/model-folder';
import { HeldOutBlocks, TrainingBlocks } from '../../data/text/batches';
import type { Corpus } from '../../data/text/corpus';
import { openCorpus } from '../../data/text/corpus';
import { splitByDocument } from '../../data/text/split';
import type { TokenCache } from '../../data/text/token-cache';
import { openTokenCache } from '../../data/text/token-cache';
import { trainBpe } from '../../data/tokenizer/bpe-trainer';
import type { Tokenizer } from '../../data/tokenizer/tokenizer';
import { loadTokenizer } from '../../data/tokenizer/tokenizer';
import type { RunContext } from '../../experiments/method';
import { writeFileAtomic } from '../../files';
import { saveDecoder } from '../../models/decoder/checkpoint';
import { asStored } from '../../models/stored';
import { createRuntime } from '../../engine/runtime/create';
import { parseDecoderConfig } from '../../models/decoder/config';
import { scoreDecoder } from '../../models/decoder/evaluate';
import { initialize } from '../../models/decoder/initialize';
import { architectureJson } from './architecture';
import { pretrainArtifact } from './artifacts';
import type { PretrainConfig } from './config';
import { heldOutMetrics, trainDecoder } from './train-decoder';
import { forgetTraining } from '../../training/run';

const FINAL = 'final';
const ARTIFACT_FILE = 'pretrain.json';

/** Trains a tokenizer and a decoder from nothing on a corpus. Resumes where it was cut. */
export async function runPretrain(config: PretrainConfig, context: RunContext): Promise<void> {
  // The artifact is written last: with it there is nothing left to do.
  if (existsSync(path.join(context.artifactsDir, ARTIFACT_FILE))) return;
  const corpus = await openCorpus(config.data, context.baseDir);

  context.emit({ type: 'phase', name: 'tokenizer', title: 'Training the tokenizer' });
  const tokenizerPath = await tokenizerOf(corpus, config, context);
  const tokenizer = await loadTokenizer(tokenizerPath);
  const cache = await openTokenCache({ corpus, tokenizer, cacheDir: context.cacheDir, signal: context.signal });
  try {
    await trainParent(config, context, { tokenizerPath, tokenizer, cache });
  } finally {
    cache.close();
  }
  await forgetTraining(context);
}

interface Sources {
  readonly tokenizerPath: string;
  readonly tokenizer: Tokenizer;
  readonly cache: TokenCache;
}

/** Trains, judges and saves the model. */
async function trainParent(config: PretrainConfig, context: RunContext, sources: Sources): Promise<void> {
  const { checkpointsDir, signal, device } = context;
  const { tokenizerPath, tokenizer, cache } = sources;
  const split = splitByDocument(cache, config.data.heldOutShare);
  const { batchSize, accumulate } = config.training;
  const { blockLength } = config.data;
  const shape = { batchSize, blockLength };
  const train = new TrainingBlocks(split.train, { ...shape, seed: context.seed });
  const heldOut = new HeldOutBlocks(split.heldOut, shape);
  const steps = Math.ceil((config.epochs * train.blocks) / (batchSize * accumulate));
  context.log(`${split.train.length} tokens to train on, ${split.heldOut.length} held out, ${steps} steps`);

  const json = {
    architectures: ['LlamaForCausalLM'],
    ...architectureJson(config.model),
    vocab_size: tokenizer.vocabSize,
    rms_norm_eps: 1e-6,
    hidden_act: 'silu',
    eos_token_id: tokenizer.eosId,
  };
  const decoder = parseDecoderConfig(json);
  context.emit({ type: 'phase', name: 'train', title: 'Training the model' });
  const trained = await trainDecoder(context, {
    phase: 'train',
    decoder,
    json,
    tokenizerPath,
    parameters: initialize(decoder, context.seed),
    training: config.training,
    train,
    heldOut,
    blockLength,
    steps,
    evaluateEvery: config.evaluateEvery,
    evaluateShare: config.evaluateShare,
  });

  // What is judged is what is kept, rounding included.
  const parameters = asStored(trained.parameters, config.dtype);
  context.emit({ type: 'phase', name: 'evaluate', title: 'Evaluating on held-out text' });
  const score = await scoreDecoder(createRuntime(device), decoder, parameters, heldOut, shape, signal);
  await saveDecoder(path.join(checkpointsDir, FINAL), {
    json,
    parameters,
    tokenizerFrom: tokenizerPath,
    dtype: config.dtype,
    meta: { kind: 'model', step: steps, phase: 'train', metrics: heldOutMetrics(score) },
  });
  context.emit({ type: 'checkpoint', name: FINAL, step: steps, metrics: heldOutMetrics(score) });

  const artifact = pretrainArtifact.parse({
    heldOut: score,
    trainTokens: split.train.length,
    heldOutTokens: split.heldOut.length,
    steps,
  });
  await writeFileAtomic(path.join(context.artifactsDir, ARTIFACT_FILE), `${JSON.stringify(artifact, null, 2)}\n`);
  context.emit({ type: 'artifact', name: ARTIFACT_FILE, kind: 'pretrain' });
}

/** The tokenizer of the run: trained once, then read. */
async function tokenizerOf(corpus: Corpus, config: PretrainConfig, context: RunContext): Promise<string> {
  const file = path.join(context.artifactsDir, TOKENIZER_FILE);
  const exists = await loadTokenizer(file).then(
    () => true,
    () => false,
  );
  if (exists) return file;
  async function* texts() {
    for await (const { text } of corpus.documents()) {
      context.signal.throwIfAborted();
      yield text;
    }
  }
  const tokenizer = await trainBpe(texts(), { vocabSize: config.vocabulary });
  await writeFileAtomic(file, `${JSON.stringify(tokenizer)}\n`);
  return file;
}
