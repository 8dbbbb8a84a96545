import * as l10n from '@vscode/l10n';
import type { DoneTrial } from '../../comparison/trial';
import type { SelectionOutcome, VariantRecord } from './artifacts';
import type { SwiftLearnConfig } from './config';

/**
 * All data, stopped at its best epoch: an upper bound for early stopping. It needs no training of its own, since the
 * curve of all data has every epoch; and it is an oracle, since it looks at the held-out samples that it is evaluated on.
 */
export const oracleOf = ({ controls, epochs }: SwiftLearnConfig): VariantRecord[] =>
  controls.includes('best-epoch')
    ? [
        {
          name: 'full-best-epoch',
          series: l10n.t('All data, best epoch (oracle)'),
          role: 'control',
          description: l10n.t(
            'all samples, stopped at the best evaluation on the held-out samples: an oracle, since nobody knows that epoch in advance',
          ),
          keep: 1,
          epochs,
          oracle: true,
        },
      ]
    : [];

/** The trials with those of the oracle, which end where those of the baseline are best. */
export function withOracle(
  trials: readonly DoneTrial<SelectionOutcome>[],
  variants: readonly VariantRecord[],
  metric: string,
): DoneTrial<SelectionOutcome>[] {
  const oracle = variants.find((variant) => variant.oracle);
  const baseline = variants.find(({ role }) => role === 'baseline');
  if (!oracle || !baseline) return [...trials];
  return trials.flatMap((trial) =>
    trial.variant === baseline.name ? [trial, { ...untilBest(trial, metric), variant: oracle.name }] : [trial],
  );
}

/** Without its model, which is that of the end. */
function untilBest(trial: DoneTrial<SelectionOutcome>, metric: string): DoneTrial<SelectionOutcome> {
  const { variant, seed, waitingShare, curve } = trial;
  const valueOf = (point: (typeof curve)[number]) => point.metrics[metric] ?? -Infinity;
  const best = curve.reduce((most, point) => (valueOf(point) > valueOf(most) ? point : most));
  return { variant, seed, waitingShare, steps: best.step, curve: curve.slice(0, curve.indexOf(best) + 1) };
}
