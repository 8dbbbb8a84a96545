import type * as vscode from 'vscode';
import type { Inspector } from '../../core/inspection/client';
import type { DiffContract } from '../../core/protocol/checkpoint-panel';
import type { CompareContract } from '../../core/protocol/compare';
import type { CurvesContract } from '../../core/protocol/curves';
import type { ImportanceContract } from '../../core/protocol/importance';
import type { HeatmapContract } from '../../core/protocol/heatmap-panel';
import type { TradeoffContract } from '../../core/protocol/tradeoff';
import type { Cli } from '../cli';
import { comparePanel } from './compare';
import { curvesPanel } from './curves';
import { diffPanel, type DiffInput } from './diff';
import { importancePanel, type ImportanceInput } from './importance';
import { Panels, type Sources } from './panel';
import { heatmapPanel, type HeatmapInput } from './heatmap';
import { tradeoffPanel, type RunsInput } from './tradeoff';

/** One opener for each kind of panel. */
export interface PanelSet {
  readonly curves: Panels<CurvesContract, RunsInput>;
  readonly tradeoff: Panels<TradeoffContract, RunsInput>;
  readonly heatmap: Panels<HeatmapContract, HeatmapInput>;
  readonly importance: Panels<ImportanceContract, ImportanceInput>;
  readonly compare: Panels<CompareContract, RunsInput>;
  readonly diff: Panels<DiffContract, DiffInput>;
}

export function makePanels(
  uri: vscode.Uri,
  sources: Sources,
  inspector: Inspector,
  cli: Cli,
  onDefect: (error: unknown) => void,
): PanelSet {
  return {
    curves: new Panels(curvesPanel(sources), uri, onDefect),
    tradeoff: new Panels(tradeoffPanel(sources, cli), uri, onDefect),
    heatmap: new Panels(heatmapPanel(sources), uri, onDefect),
    importance: new Panels(importancePanel(sources, inspector, onDefect), uri, onDefect),
    compare: new Panels(comparePanel(sources), uri, onDefect),
    diff: new Panels(diffPanel(inspector), uri, onDefect),
  };
}
