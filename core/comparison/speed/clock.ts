import * as l10n from '@vscode/l10n';
import type { RunContext } from '../../experiments/method';
import type { Subject } from './protocol';
import { timeInTurns } from './stopwatch';
import type { VariantTimes } from './times';

/** What there is to time, and how often. */
export interface Clock {
  readonly rounds: number;
  readonly batchSize: number;
  readonly baseline: Subject;
  readonly variants: readonly { readonly name: string; readonly subject: Subject }[];
}

/**
 * Times every variant in turns with the baseline; the baseline with itself, which shows how much is noise.
 * @param before what was timed already
 * @param record is given all times after each variant
 */
export async function timeVariants(
  { rounds, batchSize, baseline, variants }: Clock,
  { emit, signal }: Pick<RunContext, 'emit' | 'signal'>,
  before: readonly VariantTimes[],
  record: (times: readonly VariantTimes[]) => Promise<void>,
): Promise<void> {
  emit({ type: 'phase', name: 'speed', title: l10n.t('Timing the models in turns') });
  let times = before;
  for (const [i, { name, subject }] of variants.entries()) {
    if (times.some(({ variant }) => variant === name)) continue;
    signal.throwIfAborted();
    const measured = await timeInTurns(baseline, subject, rounds, signal);
    times = [
      ...times,
      {
        variant: name,
        batchSize,
        rounds,
        trainSecondsPerImage: measured.train / batchSize,
        inferenceSecondsPerImage: measured.infer / batchSize,
        trainGain: measured.trainGain,
        inferenceGain: measured.inferGain,
        memoryBytes: measured.memoryBytes,
      },
    ];
    await record(times);
    emit({ type: 'progress', done: i + 1, total: variants.length, unit: 'models', label: 'speed' });
  }
}
