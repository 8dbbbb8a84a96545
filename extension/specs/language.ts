import * as vscode from 'vscode';
import { placeOf } from '../../core/experiments/spec/edit';
import type { SpecProblem } from '../../core/experiments/spec/diagnose';
import { formatAgo, formatBytes, formatCount, formatDuration, formatNumber } from '../../core/protocol/format';
import { headline, isActive, isUnderway, shortMetric } from '../../core/protocol/runs';
import { getLocation } from 'jsonc-parser';
import { commandId } from '../registry';
import type { Runs } from '../runs';
import type { Shell } from '../services';
import { describeProgress, describeWait } from '../views/describe';
import { CheckpointDrop, editOf } from './drop';
import { describeMemory } from '../../core/experiments/planned-memory';
import type { Planned, Planner } from './planner';
import type { Specs } from './specs';

export const SPEC_SELECTOR: vscode.DocumentSelector = { scheme: 'file', pattern: '**/*.winnow.json' };

/**
 * What VS Code shows in a spec besides what its schema provides: problems with fixes, code lenses, hovers, dropped
 * checkpoints.
 */
export function registerLanguageFeatures(
  planner: Planner,
  { runs, specs, methods }: Pick<Shell, 'runs' | 'specs' | 'methods'>,
): vscode.Disposable[] {
  const problems = vscode.languages.createDiagnosticCollection('winnow');
  const lenses = new SpecLenses(runs, specs);
  return [
    problems,
    lenses,
    planner.onDidCheck((document) => {
      const checked = planner.checked(document);
      problems.set(
        document.uri,
        (checked?.problems ?? []).map((problem) => diagnosticOf(document, problem)),
      );
    }),
    vscode.languages.registerCodeActionsProvider(SPEC_SELECTOR, new SpecFixes(), {
      providedCodeActionKinds: [vscode.CodeActionKind.QuickFix],
    }),
    vscode.languages.registerCodeLensProvider(SPEC_SELECTOR, lenses),
    vscode.languages.registerHoverProvider(SPEC_SELECTOR, new SpecHover(planner)),
    vscode.languages.registerDocumentDropEditProvider(SPEC_SELECTOR, new CheckpointDrop(methods), {
      dropMimeTypes: ['text/uri-list'],
    }),
  ];
}

/** A diagnostic with the problem that it shows. */
class SpecDiagnostic extends vscode.Diagnostic {
  constructor(
    range: vscode.Range,
    readonly problem: SpecProblem,
  ) {
    super(
      range,
      problem.message,
      problem.severity === 'error' ? vscode.DiagnosticSeverity.Error : vscode.DiagnosticSeverity.Warning,
    );
    this.source = 'winnow';
    this.code = problem.code;
  }
}

function diagnosticOf(document: vscode.TextDocument, problem: SpecProblem): SpecDiagnostic {
  const { offset, length } = placeOf(document.getText(), problem.key);
  const range = new vscode.Range(document.positionAt(offset), document.positionAt(offset + length));
  return new SpecDiagnostic(range, problem);
}

class SpecFixes implements vscode.CodeActionProvider {
  provideCodeActions(
    document: vscode.TextDocument,
    _range: vscode.Range,
    { diagnostics }: vscode.CodeActionContext,
  ): vscode.CodeAction[] {
    return diagnostics
      .filter((diagnostic) => diagnostic instanceof SpecDiagnostic)
      .flatMap((diagnostic) =>
        diagnostic.problem.fixes.map((fix, index) => {
          const action = new vscode.CodeAction(fix.title, vscode.CodeActionKind.QuickFix);
          action.diagnostics = [diagnostic];
          action.isPreferred = index === 0;
          action.edit = editOf(document, fix.key, fix.value);
          return action;
        }),
      );
  }
}

/** `Run · Run on… · Plan · last run: 3 h ago, ppl 21.4` above the spec. */
class SpecLenses implements vscode.CodeLensProvider, vscode.Disposable {
  readonly #changes = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.#changes.event;
  readonly #subscription: vscode.Disposable;

  constructor(
    readonly runs: Runs,
    readonly specs: Specs,
  ) {
    this.#subscription = runs.onDidChange(() => {
      this.#changes.fire();
    });
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    const top = new vscode.Range(0, 0, 0, 0);
    const file = document.uri.fsPath;
    const spec = { kind: 'spec', file };
    const lens = (title: string, command: string, target: unknown) =>
      new vscode.CodeLens(top, { title, command, arguments: [target] });
    const [last] = this.specs.runsOf(file, this.runs.rows());
    const start = [
      lens(`$(play) ${vscode.l10n.t('Run')}`, commandId('runExperiment'), spec),
      lens(`$(remote) ${vscode.l10n.t('Run on…')}`, commandId('runOn'), spec),
      lens(`$(checklist) ${vscode.l10n.t('Plan')}`, commandId('planExperiment'), spec),
    ];
    if (!last) return start;
    const target = { kind: 'run', runDir: last.dir };
    if (isUnderway(last.state))
      return [
        lens(`$(debug-stop) ${vscode.l10n.t('Stop')}`, commandId('stopRun'), target),
        isActive(last.state)
          ? lens(vscode.l10n.t('running: {0}', describeProgress(last)), commandId('openCurves'), target)
          : lens(describeWait(last), commandId('showRun'), target),
        ...start,
      ];
    const best = last.metrics && headline(last.metrics.values);
    const result = [
      formatAgo(last.ended ?? last.created),
      ...(last.state === 'done' ? [] : [last.state]),
      ...(best ? [`${shortMetric(best.name)} ${formatNumber(best.value)}`] : []),
    ].join(', ');
    return [...start, lens(vscode.l10n.t('last run: {0}', result), commandId('showRun'), target)];
  }

  dispose(): void {
    this.#subscription.dispose();
    this.#changes.dispose();
  }
}

/** Shows what the run would cost, when hovering over the spec's method or name. */
class SpecHover implements vscode.HoverProvider {
  constructor(readonly planner: Planner) {}

  provideHover(document: vscode.TextDocument, position: vscode.Position): vscode.Hover | undefined {
    const { path } = getLocation(document.getText(), document.offsetAt(position));
    if (path.length !== 1 || (path[0] !== 'method' && path[0] !== 'name')) return undefined;
    const checked = this.planner.checked(document);
    if (!checked?.planned) return undefined;
    return new vscode.Hover(new vscode.MarkdownString(costOf(checked.planned).join('  \n')));
  }
}

/** One line for each estimate in the plan. */
export function costOf({ plan }: Planned): string[] {
  const { l10n } = vscode;
  return [
    ...(plan.seconds === undefined ? [] : [l10n.t('Time: about {0} on this machine', formatDuration(plan.seconds))]),
    ...(plan.tokens === undefined ? [] : [l10n.t('Training: {0} tokens', formatCount(plan.tokens))]),
    ...(plan.images === undefined ? [] : [l10n.t('Training: {0} images', formatCount(plan.images))]),
    ...(plan.samples === undefined ? [] : [l10n.t('Training: {0} samples', formatCount(plan.samples))]),
    ...(plan.memory === undefined ? [] : [l10n.t('Memory: {0}', describeMemory(plan.memory))]),
    ...(plan.diskBytes === undefined ? [] : [l10n.t('Disk: about {0}', formatBytes(plan.diskBytes))]),
  ];
}
