import * as l10n from '@vscode/l10n';
import type { InspectionProgress, TensorStatistics } from './inspection';

/** The statistics of one tensor in the table of all tensors. */
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

/** The statistics of all tensors, as far as they have been computed. */
export interface CheckpointStatistics {
  /** Number of tensors whose values can be read. */
  readonly tensors: number;
  /** In the file's order; fewer than `tensors` if the computation was canceled. */
  readonly rows: readonly TensorHealth[];
}

/** Progress of the computation. */
export interface StatisticsProgress extends InspectionProgress {
  /** Tensors finished since the last message. Some are repeated if the inspector process was restarted. */
  readonly rows: readonly TensorHealth[];
}

/** Whether a tensor contains NaN or infinities. */
export const isDamaged = ({ finite, elements }: Pick<TensorHealth, 'finite' | 'elements'>): boolean =>
  finite < elements;

export const infinities = ({
  positiveInfinity,
  negativeInfinity,
}: Pick<TensorHealth, 'positiveInfinity' | 'negativeInfinity'>): number => positiveInfinity + negativeInfinity;

/** Damaged tensors first; otherwise the order is kept. */
export function damagedFirst<T extends Pick<TensorHealth, 'finite' | 'elements'>>(rows: readonly T[]): T[] {
  return [...rows.filter(isDamaged), ...rows.filter((row) => !isDamaged(row))];
}

/** For example `2 of 148 tensors hold NaN or Inf.` */
export function statisticsFinding(rows: readonly Pick<TensorHealth, 'finite' | 'elements'>[]): string {
  const damaged = rows.filter(isDamaged).length;
  if (rows.length === 0) return l10n.t('There are no tensors.');
  const count = rows.length.toLocaleString('en-US');
  const all = rows.length === 1 ? l10n.t`${count} tensor` : l10n.t`${count} tensors`;
  if (damaged === 0) return l10n.t`No NaN and no Inf in ${all}.`;
  return damaged === 1
    ? l10n.t`${damaged} of ${all} holds NaN or Inf.`
    : l10n.t`${damaged.toLocaleString('en-US')} of ${all} hold NaN or Inf.`;
}
