import path from 'node:path';
import { fingerprintModel } from '../../checkpoint/fingerprint';
import { openModelFolder } from '../../checkpoint/model-folder';
import { openImages, type ImageData } from '../../data/images/source';
import type { ReadOptions } from '../../data/labelled/read-part';
import { openLabelledTexts, type LabelledData } from '../../data/labelled/source';
import { UserError } from '../../errors';
import { withGrouping } from '../../models/attention/config-keys';
import { parseVariant } from '../../models/attention/grouping';
import { loadEncoder, type LoadedEncoder } from '../../models/encoder/checkpoint';
import { checkSequenceLength } from '../../models/encoder/config';
import { flopsPerSequence } from '../../models/encoder/cost';
import { loadModelTokenizer } from '../../models/model-tokenizer';
import { parseVitConfig, type VitConfig } from '../../models/vit/config';
import { flopsPerImage, type Skip } from '../../models/vit/cost';
import { countVitParameters } from '../../models/vit/layout';
import { encoderFolder } from '../../models/embedded';
import { memoryOf } from '../../comparison/vision/cost';
import { fingerprintsOf, startOf, type VitStart } from '../../comparison/vision/start';
import { skipOf } from '../../comparison/vision/window';
import type { SwiftLearnConfig } from './config';
import { DATA_KINDS } from './data-kinds';
import { openLanguageTask } from './language-task';

/** What is known of data and model before anything is decoded: enough for a plan. */
export interface Task {
  readonly size: number;
  readonly heldOutSize: number;
  readonly classes: readonly string[];
  readonly outputs: number;
  readonly parameterCount: number;
  /** Of the residual stream. */
  readonly width: number;
  readonly flopsPerSample: number;
  /** Bytes that training holds at once. */
  memory(batchSize: number): number;
  /** Fingerprints of what the run reads, by name. */
  fingerprint(): Promise<Record<string, string>>;
}

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
    memory: (batchSize) => memoryOf(vit, batchSize),
    fingerprint: () => fingerprintsOf(config, baseDir),
  };
}

/** Texts and the encoder to train on them. */
export interface TextTask extends Task {
  readonly data: LabelledData;
  readonly encoder: LoadedEncoder;
  /** The encoder with a head that begins from a seed. */
  begin(seed: number): Promise<LoadedEncoder>;
}

type TextsConfig = NonNullable<SwiftLearnConfig['texts']>;

/** Reading texts takes seconds, and a run asks for them when it is planned, named and begun: the last ones are kept. */
let lastRead: { readonly key: string; readonly data: Promise<LabelledData> } | undefined;

function readTexts(config: TextsConfig['data'], baseDir: string, options: ReadOptions): Promise<LabelledData> {
  const key = JSON.stringify([config, path.resolve(baseDir)]);
  if (lastRead?.key !== key) lastRead = { key, data: openLabelledTexts(config, baseDir, options) };
  return lastRead.data;
}

/** @param options `log` is told what was guessed, left out or removed */
export async function openTextTask(config: TextsConfig, baseDir: string, options: ReadOptions): Promise<TextTask> {
  const data = await readTexts(config.data, baseDir, options);
  const folder = encoderFolder(config.encoder, baseDir);
  const labels = data.kind === 'regression' ? ['value'] : data.classes;
  const begin = (seed: number) => loadEncoder(folder, { head: 'sequence', labels, seed });
  const encoder = await begin(0);
  checkSequenceLength(encoder.config, config.maxLength, 'texts.maxLength');
  await loadModelTokenizer(encoder.tokenizerPath, encoder.config);
  const parameterCount = Object.values(encoder.parameters).reduce((sum, { data: values }) => sum + values.length, 0);
  const { hidden, intermediate, heads, layers } = encoder.config;
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
    // As if every text were of full length: how long they are is known when they are encoded.
    flopsPerSample: flopsPerSequence(encoder.config, config.maxLength),
    memory: (batchSize) => {
      const perToken = 8 * hidden + 3 * intermediate + 2 * heads * config.maxLength;
      return 4 * (7 * parameterCount + batchSize * config.maxLength * layers * perToken);
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

/** @throws UserError `swiftlearn.data` where the spec names no data, or several kinds of it */
export async function openTask(config: SwiftLearnConfig, baseDir: string): Promise<Task> {
  const { texts, images, language } = config;
  requireOneKind(config);
  if (texts) return under('texts', openTextTask(texts, baseDir, { log: () => undefined }));
  if (language) return under('language', openLanguageTask(language, baseDir));
  return under('images', openImageTask(images!, baseDir));
}

/** What reads data knows it as `data`; here it is a part of a part, and so are the keys that its errors would have changed. */
async function under(part: (typeof DATA_KINDS)[number], task: Promise<Task>): Promise<Task> {
  try {
    return await task;
  } catch (error) {
    if (!(error instanceof UserError) || error.fixes.length === 0) throw error;
    const keys = [...new Set(error.fixes.map(({ key }) => key))].filter((key) => key.startsWith('data.'));
    const inside = (text: string) => keys.reduce((all, key) => all.replace(key, `${part}.${key}`), text);
    const fixes = error.fixes.map(({ title, key, value }) => ({ title: inside(title), key: inside(key), value }));
    throw new UserError(error.code, error.message, inside(error.hint), { cause: error, fixes });
  }
}

export function requireOneKind(config: SwiftLearnConfig): void {
  const named = DATA_KINDS.filter((kind) => config[kind] !== undefined);
  if (named.length === 1) return;
  if (named.length > 1)
    throw new UserError('swiftlearn.data', `The spec names ${named.join(' and ')}.`, 'Keep one of them.');
  throw new UserError(
    'swiftlearn.data',
    'The spec names neither texts nor images nor language.',
    'Add "texts": { "encoder": "..." } for the embedded e-mails, "images": {} for the embedded digits, or "language": {} for the embedded language model and its text.',
  );
}
