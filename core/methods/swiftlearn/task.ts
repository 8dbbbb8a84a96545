import { openImages, type ImageData } from '../../data/images/source';
import { UserError } from '../../errors';
import { withGrouping } from '../../models/attention/config-keys';
import { parseVariant } from '../../models/attention/grouping';
import { parseVitConfig, type VitConfig } from '../../models/vit/config';
import { flopsPerImage, type Skip } from '../../models/vit/cost';
import { countVitParameters } from '../../models/vit/layout';
import { memoryOf } from '../vision/cost';
import { fingerprintsOf, startOf, type VitStart } from '../vision/start';
import { skipOf } from '../vision/window';
import type { SwiftLearnConfig } from './config';

/** What is known of data and model before anything is decoded: enough for a plan. */
export interface Task {
  readonly size: number;
  readonly heldOutSize: number;
  readonly classes: readonly string[];
  readonly outputs: number;
  readonly parameterCount: number;
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
    flopsPerSample: flopsPerImage(vit, skip),
    memory: (batchSize) => memoryOf(vit, batchSize),
    fingerprint: () => fingerprintsOf(config, baseDir),
  };
}

/** @throws UserError `swiftlearn.no-data` */
export async function openTask({ images }: SwiftLearnConfig, baseDir: string): Promise<Task> {
  if (images) return openImageTask(images, baseDir);
  throw new UserError('swiftlearn.no-data', 'The spec names no data.', 'Add "images": {}.');
}
