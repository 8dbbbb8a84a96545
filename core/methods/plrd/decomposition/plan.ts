import * as l10n from '@vscode/l10n';
import { UserError } from '../../../errors';
import { gramBytes } from '../../../models/decoder/gram-memory';
import type { LinearLayer } from '../../../models/decoder/layout';
import { MEASURED_BLOCKS, PROBES } from '../allocation/probes';
import type { PlrdConfig } from '../config';
import { calibrationGroups } from './calibration-groups';

type Settings = Pick<PlrdConfig, 'decomposition' | 'calibration' | 'allocation' | 'variant' | 'data'>;

/** @throws UserError `plrd.decomposition` for settings that contradict each other */
export function requireDecomposition({ decomposition, variant }: Pick<Settings, 'decomposition' | 'variant'>): void {
  if (decomposition === 'plain' || variant !== 'paper') return;
  throw new UserError(
    'plrd.decomposition',
    l10n.t`decomposition '${decomposition}' decomposes the product of two factors, variant 'paper' only the second one.`,
    l10n.t("Use variant 'exact', or decomposition 'plain'."),
  );
}

/** What choosing ranks and decomposing the parent costs before any training. */
export interface DecompositionCost {
  /** A line for the plan; undefined if nothing is calibrated. */
  readonly stage: string | undefined;
  /** Tokens of forward passes, and of forward and backward passes, of the parent. */
  readonly evaluateTokens: number;
  readonly trainTokens: number;
  /** Gram matrices that are in memory at a time. */
  readonly memoryBytes: number;
}

/** The cost of one decomposition of a model with these layers. */
export function decompositionCost(
  { decomposition, calibration, allocation, data }: Settings,
  layers: readonly LinearLayer[],
): DecompositionCost {
  const tokens = calibration.blocks * data.blockLength;
  const gradients = decomposition === 'fisher';
  const groups = decomposition === 'plain' ? [] : calibrationGroups(layers, gradients);
  const passes = groups.length * tokens;
  const losses = allocation === 'sensitivity' ? PROBES.length * layers.length + 1 : 0;
  const measured = losses * Math.min(calibration.blocks, MEASURED_BLOCKS) * data.blockLength;
  const shown = tokens.toLocaleString('en-US');
  const lines = [
    ...(groups.length === 0 ? [] : [l10n.t`calibration on ${shown} tokens of the training text`]),
    ...(losses === 0 ? [] : [l10n.t`the loss measured ${losses} times: as it is, and with one layer truncated`]),
  ];
  return {
    stage: lines.length === 0 ? undefined : l10n.t`Before: ${lines.join(', ')}`,
    evaluateTokens: measured + (gradients ? 0 : passes),
    trainTokens: gradients ? passes : 0,
    memoryBytes: Math.max(0, ...groups.map((group) => gramBytes(group, gradients))),
  };
}
