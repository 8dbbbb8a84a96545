import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { ImageDataConfig } from '../../../data/images/config';
import { LabeledTextConfig } from '../../../data/labeled/config';
import { TextDataConfig } from '../../../data/text/config';
import { messageOf, UserError } from '../../../errors';
import { readRecord, runPaths, type RunRecord } from '../../../experiments/run/directory';
import type { ImportanceMap } from '../artifacts';
import type { SampleSource } from './samples';

/** The settings of a spec that define its training data. */
const trainedOn = z.object({
  texts: z.object({ data: LabeledTextConfig.prefault({}) }).optional(),
  images: z
    .object({
      data: ImageDataConfig.prefault({}),
      model: z.object({ image_size: z.number().optional().catch(undefined) }).catch({}),
    })
    .optional(),
  language: z.object({ data: TextDataConfig.prefault({}), model: z.string().default('embedded:parent') }).optional(),
});

/** What a run was trained on; undefined if another version of Winnow made the run and its settings cannot be read. */
export function parseTrainedOn({ spec }: Pick<RunRecord, 'spec'>): z.output<typeof trainedOn> | undefined {
  const parsed = trainedOn.safeParse(spec.config);
  return parsed.success ? parsed.data : undefined;
}

/** Side of a thumbnail in pixels. */
const SIDE = 96;

/**
 * Opens the training samples of a run, from its settings.
 * @throws UserError `importance.no-samples`, `run.unreadable` and those of the data
 */
export async function openSampleSource(runDir: string, signal?: AbortSignal): Promise<SampleSource> {
  const { spec, baseDir } = await readRecord(runDir);
  const { texts, images, language } = parseTrainedOn({ spec }) ?? {};
  if (texts) return openTexts(texts.data, baseDir, signal);
  if (language) {
    const { openBlocks } = await import('./language-source');
    return openBlocks(language, { baseDir, cacheDir: runPaths(runDir).cache, signal });
  }
  if (images) return openPictures(images, baseDir, runPaths(runDir).cache, signal);
  throw new UserError(
    'importance.no-samples',
    l10n.t('This version cannot read what the run was trained on.'),
    l10n.t('The run was made by another version of Winnow. You can view the scores but not the samples.'),
  );
}

async function openTexts(config: LabeledTextConfig, baseDir: string, signal?: AbortSignal): Promise<SampleSource> {
  const { openLabeledTexts } = await import('../../../data/labeled/source');
  const { train } = await openLabeledTexts(config, baseDir, { log: ignore, signal });
  return {
    size: train.size,
    classes: train.classes,
    label: (sample) => train.label(sample),
    content: (sample) => ({ name: train.name(sample), text: train.text(sample), pair: train.pair(sample) }),
    picture: () => Promise.resolve(undefined),
  };
}

type Images = NonNullable<z.output<typeof trainedOn>['images']>;

async function openPictures(
  { data, model }: Images,
  baseDir: string,
  cacheDir: string,
  signal?: AbortSignal,
): Promise<SampleSource> {
  const { openImages } = await import('../../../data/images/source');
  const { encodeForPage } = await import('../../../data/images/decode');
  const side = model.image_size ?? SIDE;
  const opened = await openImages(data, baseDir);
  // At the training's image size, so that cached images need not be decoded again.
  const { train } = await opened.prepare({ cacheDir, side, log: ignore, ...(signal && { signal }) });
  return {
    size: train.size,
    classes: train.classes,
    label: (sample) => train.label(sample),
    content: (sample) => ({ name: train.name(sample) }),
    picture: async (sample) => encodeForPage(await train.read(sample, { side: Math.min(side, SIDE) })),
  };
}

/** The run's log contains it already. */
const ignore = () => undefined;

/** What the run recorded about its training samples. */
interface Known extends Pick<ImportanceMap, 'samples' | 'classes' | 'fingerprint'> {
  readonly labels: Float32Array | undefined;
}

/** Whether the samples are still the run's training samples, as far as can be told. */
export function isSame(source: SampleSource, { samples, classes, labels, fingerprint }: Known): boolean {
  return (
    source.size === samples &&
    source.fingerprint === fingerprint &&
    source.classes.join('\n') === classes.join('\n') &&
    (labels ?? []).every((label, sample) => source.label !== undefined && Math.fround(source.label(sample)) === label)
  );
}

/** Explains why samples cannot be shown, and what to do. */
export function explainAbsence(error: unknown): string {
  const why = error instanceof UserError ? `${error.message} ${error.hint}`.trim() : messageOf(error);
  return l10n.t`The samples themselves cannot be shown: ${why}`;
}

export const changed = () =>
  l10n.t(
    'The samples themselves cannot be shown: the data has changed since the run. Restore the data, or repeat the run.',
  );
