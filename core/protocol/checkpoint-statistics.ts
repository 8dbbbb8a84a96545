import * as l10n from '@vscode/l10n';
import type { InspectionProgress, TensorStatistics } from './inspection';

/** What the statistics of all tensors of a checkpoint hold of each. */
export type TensorHealth = Pick<
  TensorStatistics,
  | 'name'
  | 'dtype'
  | 'shape'
  | 'elements'
  | 'nan'
  | 'positiveInfinity'
  | 'negativeInfinity'
  | 'zeros'
  | 'finite'
  | 'min'
  | 'max'
  | 'exact'
  | 'mean'
  | 'std'
>;

/** The statistics of all tensors, as far as they were computed. */
export interface CheckpointStatistics {
  /** Tensors of the checkpoint whose values can be read. */
  readonly tensors: number;
  /** In the file's order; fewer than `tensors` where it was called off. */
  readonly rows: readonly TensorHealth[];
}

/** What is told while the statistics are computed. */
export interface StatisticsProgress extends InspectionProgress {
  /** Tensors that were finished since it was last told. After a restart of the reading process some come again. */
  readonly rows: readonly TensorHealth[];
}

/** Whether a tensor holds NaN or an infinity. */
export const isDamaged = ({ finite, elements }: Pick<TensorHealth, 'finite' | 'elements'>): boolean =>
  finite < elements;

export const infinities = ({
  positiveInfinity,
  negativeInfinity,
}: Pick<TensorHealth, 'positiveInfinity' | 'negativeInfinity'>): number => positiveInfinity + negativeInfinity;

/** Damaged tensors, then the others; both in the order that they had. */
export function damagedFirst<T extends Pick<TensorHealth, 'finite' | 'elements'>>(rows: readonly T[]): T[] {
  return [...rows.filter(isDamaged), ...rows.filter((row) => !isDamaged(row))];
}

/** `2 of 148 tensors hold NaN or Inf.` */
export function statisticsFinding(rows: readonly Pick<TensorHealth, 'finite' | 'elements'>[]): string {
  const damaged = rows.filter(isDamaged).length;
  if (rows.length === 0) return l10n.t('There is no tensor.');
  const count = rows.length.toLocaleString('en-US');
  const all = rows.length === 1 ? l10n.t`${count} tensor` : l10n.t`${count} tensors`;
  if (damaged === 0) return l10n.t`No NaN and no Inf in ${all}.`;
  return damaged === 1
    ? l10n.t`${damaged} of ${all} holds NaN or Inf.`
    : l10n.t`${damaged.toLocaleString('en-US')} of ${all} hold NaN or Inf.`;
}
