import path from 'node:path';
import * as l10n from '@vscode/l10n';
import type { Tensor } from '@tensorflow/tfjs-core';
import { MaskedHeldOutBlocks, MaskedTrainingBlocks } from '../../data/text/masked-blocks';
import { trainWordPiece } from '../../data/tokenizer/wordpiece-trainer';
import type { Named } from '../../engine/optimizer';
import { createRuntime } from '../../engine/runtime/create';
import type { HostTensor } from '../../engine/host';
import type { RunContext } from '../../experiments/method';
import { saveEncoder } from '../../models/encoder/checkpoint';
import { checkSequenceLength, parseEncoderConfig, type EncoderConfig } from '../../models/encoder/config';
import { initializeEncoder } from '../../models/encoder/initialize';
import { lookAtNeighbors } from '../../models/encoder/neighbors';
import { MaskedEvaluator, type MaskedScore } from '../../models/encoder/masked-language-model';
import { asStored } from '../../models/stored';
import { encoderJson } from './architecture';
import { FINAL, PHASE, stepsOf, type Objective } from './objective';
import { maskedMetrics, trainEncoder } from '../../training/train-encoder';

/** An encoder that fills in masked tokens (Devlin et al., 2019, section 3.1; next sentences are not predicted). */
export const masked: Objective = {
  trainTokenizer: (texts, vocabSize) => trainWordPiece(texts, { vocabSize }),

  async train(config, context, { tokenizerPath, tokenizer, split }) {
    const { batchSize } = config.training;
    const { blockLength } = config.data;
    const json = encoderJson(config, tokenizer.vocabSize);
    const encoder = parseEncoderConfig(json);
    checkSequenceLength(encoder, blockLength, 'data.blockLength');
    const blocks = { tokenizer, blockLength, batchSize, maskShare: config.maskShare };
    const train = new MaskedTrainingBlocks(split.train, { ...blocks, seed: context.seed });
    const heldOut = new MaskedHeldOutBlocks(split.heldOut, blocks);
    const steps = stepsOf(config, train.blocks);

    context.log(`${train.blocks} sequences an epoch, ${steps} steps`);
    context.emit({ type: 'phase', name: PHASE, title: l10n.t('Training the model') });
    const trained = await trainEncoder(context, {
      phase: PHASE,
      encoder,
      json,
      tokenizerPath,
      parameters: lookAtNeighbors(encoder, initializeEncoder(encoder, 'masked', context.seed), config.neighbors),
      training: config.training,
      train,
      heldOut,
      blockLength,
      steps,
      evaluateEvery: config.evaluateEvery,
      evaluateShare: config.evaluateShare,
    });

    // The model is evaluated as it is kept, rounding included.
    const parameters = asStored(trained, config.dtype);
    context.emit({ type: 'phase', name: 'evaluate', title: l10n.t('Evaluating on held-out text') });
    const score = await scoreEncoder(context, encoder, parameters, heldOut, batchSize);
    await saveEncoder(path.join(context.checkpointsDir, FINAL), {
      json,
      parameters,
      tokenizerFrom: tokenizerPath,
      dtype: config.dtype,
      meta: { kind: 'model', step: steps, phase: PHASE, metrics: maskedMetrics(score) },
    });
    context.emit({ type: 'checkpoint', name: FINAL, step: steps, metrics: maskedMetrics(score) });
    return { heldOut: score, steps };
  },
};

/** Scores a model in main memory on all held-out text. */
async function scoreEncoder(
  { device, signal }: RunContext,
  encoder: EncoderConfig,
  parameters: Named<HostTensor>,
  heldOut: MaskedHeldOutBlocks,
  batchSize: number,
): Promise<MaskedScore> {
  const runtime = createRuntime(device);
  try {
    return await new MaskedEvaluator(runtime, encoder).score(
      runtime.upload<Named<Tensor>>(parameters),
      heldOut,
      batchSize,
      {
        signal,
      },
    );
  } finally {
    await runtime.dispose();
  }
}
