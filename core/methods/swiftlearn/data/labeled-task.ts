import path from 'node:path';
import { fingerprintModel } from '../../../checkpoint/fingerprint';
import { openModelFolder } from '../../../checkpoint/model-folder';
import { openImages, type ImageData } from '../../../data/images/source';
import type { ReadOptions } from '../../../data/labeled/read-part';
import { openLabeledTexts, type LabeledData } from '../../../data/labeled/source';
import { withGrouping } from '../../../models/attention/config-keys';
import { parseVariant } from '../../../protocol/grouping';
import { loadEncoder, type LoadedEncoder } from '../../../models/encoder/checkpoint';
import { checkSequenceLength } from '../../../models/encoder/config';
import { flopsPerSequence } from '../../../models/encoder/cost';
import { loadModelTokenizer } from '../../../models/model-tokenizer';
import { parseVitConfig, type VitConfig } from '../../../models/vit/config';
import { flopsPerImage, type Skip } from '../../../models/vit/cost';
import { countVitParameters } from '../../../models/vit/layout';
import { encoderFolder } from '../../../models/embedded';
import { fingerprintsOf, startOf, type VitStart } from '../../../comparison/vision/start';
import { skipOf } from '../../../comparison/vision/skip-range';
import type { SwiftLearnConfig } from '../config';
import { MOST_LENGTHS } from '../../../data/text/length-batches';
import { EVALUATIONS, type Task } from './task';

/** Images and the vision transformer to train on them. */
export interface ImageTask extends Task {
  readonly data: ImageData;
  readonly start: VitStart;
  readonly vit: VitConfig;
  /** `config.json` of the model. */
  readonly json: Readonly<Record<string, unknown>>;
  readonly skip: Skip | undefined;
}

type ImagesConfig = NonNullable<SwiftLearnConfig['images']>;

export async function openImageTask(config: ImagesConfig, baseDir: string): Promise<ImageTask> {
  const data = await openImages(config.data, baseDir);
  const start = await startOf(config.model, data, baseDir);
  const json = withGrouping(start.json, parseVariant(config.attention, start.config.grouping.heads));
  const vit = parseVitConfig(json);
  const skip = config.skip && skipOf(config.skip, vit);
  return {
    data,
    start,
    vit,
    json,
    skip,
    size: data.trainSize,
    heldOutSize: data.heldOutSize,
    classes: data.classes,
    outputs: data.classes.length,
    parameterCount: countVitParameters(vit),
    width: vit.hidden,
    flopsPerSample: flopsPerImage(vit, skip),
    async memory(device) {
      const { deviceBytes, vitMemory } = await import('../../../training/model-memory');
      const plan = skip && { skip, keptAt: () => skip.kept };
      return (training) =>
        deviceBytes(vitMemory({ config: vit, plan, evaluations: EVALUATIONS, training }, device), device);
    },
    fingerprint: () => fingerprintsOf(config, baseDir),
  };
}

/** Texts and the encoder to train on them. */
export interface TextTask extends Task {
  readonly data: LabeledData;
  readonly encoder: LoadedEncoder;
  /** The encoder with a head initialized from a seed. */
  begin(seed: number): Promise<LoadedEncoder>;
}

type TextsConfig = NonNullable<SwiftLearnConfig['texts']>;

/** The texts read last. Reading takes seconds, and a run needs them for its plan, its fingerprint and its start. */
let lastRead: { readonly key: string; readonly data: Promise<LabeledData> } | undefined;

function readTexts(config: TextsConfig['data'], baseDir: string, options: ReadOptions): Promise<LabeledData> {
  const key = JSON.stringify([config, path.resolve(baseDir)]);
  if (lastRead?.key !== key) lastRead = { key, data: openLabeledTexts(config, baseDir, options) };
  return lastRead.data;
}

/** @param options `log` receives what was guessed, skipped or removed */
export async function openTextTask(config: TextsConfig, baseDir: string, options: ReadOptions): Promise<TextTask> {
  const data = await readTexts(config.data, baseDir, options);
  const folder = encoderFolder(config.encoder, baseDir);
  const labels = data.kind === 'regression' ? ['value'] : data.classes;
  const begin = (seed: number) => loadEncoder(folder, { head: 'sequence', labels, seed });
  const encoder = await begin(0);
  checkSequenceLength(encoder.config, config.maxLength, 'texts.maxLength');
  await loadModelTokenizer(encoder.tokenizerPath, encoder.config);
  const parameterCount = Object.values(encoder.parameters).reduce((sum, { data: values }) => sum + values.length, 0);
  const { hidden } = encoder.config;
  return {
    data,
    encoder,
    begin,
    size: data.train.size,
    heldOutSize: data.heldOut.size,
    classes: data.classes,
    outputs: labels.length,
    parameterCount,
    width: hidden,
    // Assumes texts of full length: actual lengths are known only after tokenization.
    flopsPerSample: flopsPerSequence(encoder.config, config.maxLength),
    async memory(device) {
      const { classifierMemory, deviceBytes } = await import('../../../training/model-memory');
      return (training) => {
        // Each padded length is compiled separately; how long texts are is known only after tokenization.
        const options = { training, tokens: config.maxLength, evaluations: EVALUATIONS };
        const longest = classifierMemory(encoder.config, options, device);
        return deviceBytes({ ...longest, steps: (longest.steps * (MOST_LENGTHS + 1)) / 2 }, device);
      };
    },
    fingerprint: async () => {
      const model = await openModelFolder(folder);
      try {
        return { model: await fingerprintModel(model), data: data.fingerprint() };
      } finally {
        await model.close();
      }
    },
  };
}
