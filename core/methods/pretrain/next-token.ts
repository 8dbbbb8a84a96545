import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { HeldOutBlocks, TrainingBlocks } from '../../data/text/batches';
import { trainBpe } from '../../data/tokenizer/bpe-trainer';
import { createRuntime } from '../../engine/runtime/create';
import { saveDecoder } from '../../models/decoder/checkpoint';
import { scoreDecoder } from '../../models/decoder/evaluate';
import { initialize } from '../../models/decoder/initialize';
import { parseDecoderConfig } from '../../models/decoder/config';
import { asStored } from '../../models/stored';
import { decoderJson } from './architecture';
import { FINAL, PHASE, stepsOf, type Objective } from './objective';
import { heldOutMetrics, trainDecoder } from '../../training/train-decoder';

/** A decoder that predicts the next token. */
export const nextToken: Objective = {
  trainTokenizer: (texts, vocabSize) => trainBpe(texts, { vocabSize }),

  async train(config, context, { tokenizerPath, tokenizer, split }) {
    const { checkpointsDir, signal, device } = context;
    const { batchSize } = config.training;
    const { blockLength } = config.data;
    const shape = { batchSize, blockLength };
    const train = new TrainingBlocks(split.train, { ...shape, seed: context.seed });
    const heldOut = new HeldOutBlocks(split.heldOut, shape);
    const steps = stepsOf(config, train.blocks);

    const json = { ...decoderJson(config, tokenizer.vocabSize), eos_token_id: tokenizer.eosId };
    const decoder = parseDecoderConfig(json);
    context.log(`${train.blocks} sequences an epoch, ${steps} steps`);
    context.emit({ type: 'phase', name: PHASE, title: l10n.t('Training the model') });
    const trained = await trainDecoder(context, {
      phase: PHASE,
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

    // The model is evaluated as it is kept, rounding included.
    const parameters = asStored(trained.parameters, config.dtype);
    context.emit({ type: 'phase', name: 'evaluate', title: l10n.t('Evaluating on held-out text') });
    const score = await scoreDecoder(createRuntime(device), decoder, parameters, heldOut, shape, signal);
    await saveDecoder(path.join(checkpointsDir, FINAL), {
      json,
      parameters,
      tokenizerFrom: tokenizerPath,
      dtype: config.dtype,
      meta: { kind: 'model', step: steps, phase: PHASE, metrics: heldOutMetrics(score) },
    });
    context.emit({ type: 'checkpoint', name: FINAL, step: steps, metrics: heldOutMetrics(score) });
    return { heldOut: score, steps };
  },
};
