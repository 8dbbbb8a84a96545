import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import type { Fix } from '../errors';
import { formatBytes } from '../protocol/format';

const memoryChange = z.object({
  training: z.object({
    batchSize: z.number().optional(),
    accumulate: z.number().optional(),
    checkpointActivations: z.boolean().optional(),
  }),
  /** Bytes. */
  needed: z.number(),
});
/** Changes to the settings of a training that leave the samples of a step as many, and the memory that it then needs. */
export type MemoryChange = z.output<typeof memoryChange>;

export const plannedMemory = z.object({
  provider: z.string(),
  /** The estimate, bytes. */
  needed: z.number().optional(),
  /** Of the device, now, bytes. */
  free: z.number().optional(),
  /** `never`: more than the device could ever have; `no`: more than is free; `barely`: the estimate may be too low. */
  fits: z.enum(['yes', 'barely', 'no', 'never']).optional(),
  /** Settings of the training that need less, and fit. */
  instead: z.array(memoryChange).optional(),
});
/** The memory that a run needs on its device, as far as it is known. */
export type PlannedMemory = z.output<typeof plannedMemory>;

/** `about 3.1 GB on webgpu; 7.2 GB free`, for plans. */
export function describeMemory({ provider, needed, free }: PlannedMemory): string {
  const known = free === undefined ? l10n.t('how much is free is not known') : l10n.t`${formatBytes(free)} free`;
  return needed === undefined
    ? l10n.t`not known on ${provider}; ${known}`
    : l10n.t`about ${formatBytes(needed)} on ${provider}; ${known}`;
}

/** The problem with a run's memory, if there is one. */
export function memoryProblem(
  memory: PlannedMemory,
): { readonly message: string; readonly fixes: readonly Fix[] } | undefined {
  const { provider, needed = 0, free = 0, fits = 'yes', instead = [] } = memory;
  if (fits === 'yes') return undefined;
  const [need, left] = [formatBytes(needed), formatBytes(free)];
  const problem = {
    barely: l10n.t`The run needs about ${need} on ${provider}, where ${left} are free. It may not be enough.`,
    no: l10n.t`The run needs about ${need} on ${provider}, where ${left} are free.`,
    never: l10n.t`The run needs about ${need} on ${provider}, which this machine does not have.`,
  }[fits];
  return { message: `${problem} ${adviceFor(instead)}`, fixes: fixesOf(instead) };
}

/** What to do where a training does not fit. */
export function adviceFor(instead: readonly MemoryChange[]): string {
  if (instead.length === 0)
    return l10n.t('Free memory, or use a smaller model or shorter sequences: no smaller batch is enough.');
  const choices = instead.map(
    ({ training, needed }) => l10n.t`${settingsText(training)} (about ${formatBytes(needed)})`,
  );
  return l10n.t`Free memory, or use ${choices.join(` ${l10n.t('or')} `)}. A step then trains on as many samples as before.`;
}

/** What to do with a run whose memory ran out. */
export function afterwards(instead: readonly MemoryChange[]): string {
  const resume = l10n.t('Free memory and continue it with "winnow resume".');
  if (instead.length === 0) return resume;
  const choices = instead.map(({ training }) => settingsText(training));
  return `${resume} ${l10n.t`Its settings stay as they are; a new run needs less memory with ${choices.join(` ${l10n.t('or')} `)}.`}`;
}

/** As in a spec: `"training": { "batchSize": 4, "accumulate": 8 }`. */
const settingsText = (training: MemoryChange['training']): string =>
  `"training": { ${Object.entries(training)
    .map(([key, value]) => `"${key}": ${JSON.stringify(value)}`)
    .join(', ')} }`;

/** Those that change a single value. */
const fixesOf = (instead: readonly MemoryChange[]): Fix[] =>
  instead.flatMap(({ training }) => {
    const [[key, value] = [], ...others] = Object.entries(training);
    if (key === undefined || others.length > 0) return [];
    return [{ title: l10n.t`Set ${`training.${key}`} to ${JSON.stringify(value)}`, key: `training.${key}`, value }];
  });
