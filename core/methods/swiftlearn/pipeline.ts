import * as l10n from '@vscode/l10n';
import { noiseLine } from '../../data/label-noise';
import { SequenceEncoder } from '../../data/tokenizer/sequence-encoder';
import type { LabeledTexts } from '../../data/labeled/texts';
import type { RunContext } from '../../experiments/method';
import { loadModelTokenizer } from '../../models/model-tokenizer';
import { leftBehind } from '../../models/save';
import { prepareImages } from '../../comparison/vision/trials';
import type { SwiftLearnConfig } from './config';
import { variantsOf } from './variants';
import { EncodedTexts } from './data/encoded-texts';
import { imageLearner } from './learners/image-learner';
import type { Learner } from './learners/learner';
import { languageLearner } from './learners/language-learner';
import { loadLanguageModel } from './data/language-task';
import { openLanguageText } from './data/language-text';
import { openImageTask, openTextTask } from './data/labeled-task';
import { requireOneKind } from './data/open-task';
import { textLearner } from './learners/text-learner';
import { runSelectionTrials } from './trials';

/**
 * Trains on the most important samples (SwiftLearn, arXiv 2311.15134), compares that with training on all samples and
 * with the controls, and records which samples were selected.
 */
export async function runSwiftLearn(config: SwiftLearnConfig, context: RunContext): Promise<void> {
  requireOneKind(config);
  const { texts, images, language } = config;
  if (texts) await compare(config, context, await learnTexts(texts, config.training.batchSize, context));
  if (images) await compare(config, context, await learnImages(images, config.training.batchSize, context));
  if (language) await compareLanguage(language, config, context);
}

const compare = <Batch>(config: SwiftLearnConfig, context: RunContext, learner: Learner<Batch>) =>
  runSelectionTrials({ config, context, learner, variants: variantsOf(config, learner) });

async function learnTexts(texts: NonNullable<SwiftLearnConfig['texts']>, batchSize: number, context: RunContext) {
  const { signal } = context;
  context.emit({ type: 'phase', name: 'data', title: l10n.t('Reading the texts') });
  const task = await openTextTask(texts, context.baseDir, {
    log: (text) => {
      context.log(text);
    },
    signal,
  });
  const { data, encoder } = task;
  for (const line of leftBehind(encoder)) context.log(line);
  context.log(`${data.train.size} training texts, ${data.heldOut.size} evaluation texts`);
  if (data.train.noise) context.log(noiseLine(data.train.noise, data.train.size));
  const sequences = new SequenceEncoder(
    await loadModelTokenizer(encoder.tokenizerPath, encoder.config),
    texts.maxLength,
    encoder.config.tokenTypes || Infinity,
  );
  const part = async (set: LabeledTexts) => ({
    texts: set,
    encoded: await EncodedTexts.of(set, sequences, {
      signal,
      onProgress: (done, total) => {
        context.emit({ type: 'progress', done, total, unit: 'texts', label: 'data' });
      },
    }),
  });
  return textLearner({
    data,
    train: await part(data.train),
    heldOut: await part(data.heldOut),
    mismatched: data.mismatched && (await part(data.mismatched)),
    encoder,
    begin: (seed) => task.begin(seed),
    batchSize,
  });
}

async function learnImages(images: NonNullable<SwiftLearnConfig['images']>, batchSize: number, context: RunContext) {
  const { data, start, vit, json, skip } = await openImageTask(images, context.baseDir);
  for (const line of leftBehind(start.copied)) context.log(line);
  return imageLearner({
    ...(await prepareImages(data, vit.imageSize, context)),
    config: vit,
    json,
    copied: start.copied,
    augment: images.augment,
    skip,
    parameters: start.weightsOf(vit),
    batchSize,
    side: vit.imageSize,
  });
}

async function compareLanguage(
  language: NonNullable<SwiftLearnConfig['language']>,
  config: SwiftLearnConfig,
  context: RunContext,
): Promise<void> {
  const { data } = language;
  const decoder = await loadLanguageModel(language, context.baseDir);
  for (const line of leftBehind(decoder)) context.log(line);
  context.emit({ type: 'phase', name: 'data', title: l10n.t('Reading the text') });
  const { cache, split, fingerprint } = await openLanguageText(data, decoder.tokenizerPath, context);
  try {
    context.log(`${split.train.length} training tokens, ${split.heldOut.length} evaluation tokens`);
    const { blockLength } = data;
    const { batchSize } = config.training;
    await compare(config, context, languageLearner({ decoder, split, fingerprint, blockLength, batchSize }));
  } finally {
    cache.close();
  }
}
