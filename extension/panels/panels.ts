import * as vscode from 'vscode';
import type { Inspector } from '../../core/checkpoint/inspector-client';
import type { DiffContract } from '../../core/protocol/checkpoint-panel';
import type { CompareContract } from '../../core/protocol/compare';
import type { CurvesContract } from '../../core/protocol/curves';
import type { TradeoffContract } from '../../core/protocol/tradeoff';
import type { Runs } from '../runs';
import { comparePanel } from './compare';
import { curvesPanel } from './curves';
import { diffPanel, type DiffInput } from './diff';
import { Panels } from './panel';
import { tradeoffPanel, type RunsInput } from './tradeoff';

/** One opener for each kind of panel. */
export interface PanelSet {
  readonly curves: Panels<CurvesContract, RunsInput>;
  readonly tradeoff: Panels<TradeoffContract, RunsInput>;
  readonly compare: Panels<CompareContract, RunsInput>;
  readonly diff: Panels<DiffContract, DiffInput>;
}

/** Makes the openers and has VS Code restore their panels. */
export function registerPanels(
  context: vscode.ExtensionContext,
  runs: Runs,
  inspector: Inspector,
  onDefect: (error: unknown) => void,
): PanelSet {
  const uri = context.extensionUri;
  const set: PanelSet = {
    curves: new Panels(curvesPanel(runs), uri, onDefect),
    tradeoff: new Panels(tradeoffPanel(runs), uri, onDefect),
    compare: new Panels(comparePanel(runs), uri, onDefect),
    diff: new Panels(diffPanel(inspector), uri, onDefect),
  };
  for (const panels of [set.curves, set.tradeoff, set.compare, set.diff])
    context.subscriptions.push(vscode.window.registerWebviewPanelSerializer(panels.viewType, panels));
  return set;
}
