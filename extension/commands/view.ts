import { existsSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { recordedSpecText } from '../../core/experiments/run/recorded-spec';
import { readRecord, runPaths } from '../../core/experiments/run/directory';
import { runStateName, runStateNames } from '../../core/protocol/runs';
import { commandId } from '../registry';
import type { Handlers, Services } from '../services';
import { targetOf } from '../targets';
import { shownArtifact } from '../views/artifact-kinds';
import { NO_FILTER, type RunFilter } from '../../core/protocol/run-filter';
import { groupings, sortOrders, type Grouping, type SortOrder } from '../views/arrange';

interface FilterItem extends vscode.QuickPickItem {
  readonly apply?: (filter: RunFilter) => RunFilter;
  readonly text?: true;
}

/** Commands that arrange the tree of experiments, or open its nodes. */
export function viewCommands({ runs, specs, methods, experiments, reporter }: Services) {
  /** Shows the spec recorded in a run, to read or save again. */
  const showRecorded = async (runDir: string) => {
    try {
      const record = await readRecord(runDir);
      await methods.all();
      const config = methods.recordedSettings(record.spec.method, record.spec.config);
      const content = recordedSpecText({ ...record, spec: { ...record.spec, config: { ...config } } });
      await vscode.window.showTextDocument(await vscode.workspace.openTextDocument({ language: 'jsonc', content }));
    } catch (error) {
      await reporter.error(error);
    }
  };

  const choose = async <Value extends string>(title: string, labels: Record<Value, string>, current: Value) => {
    const values = Object.keys(labels) as Value[];
    const items = values.map((value) => ({
      value,
      label: labels[value],
      ...(value === current && { description: vscode.l10n.t('now') }),
    }));
    return (await vscode.window.showQuickPick(items, { title }))?.value;
  };

  return {
    async filterExperiments() {
      const rows = runs.rows();
      const { filter } = experiments;
      const items: FilterItem[] = [
        {
          label: `$(search) ${vscode.l10n.t('Text…')}`,
          description: filter.text,
          picked: filter.text !== '',
          text: true,
        },
        {
          label: `$(star-full) ${vscode.l10n.t('Starred')}`,
          picked: filter.starred,
          apply: (to) => ({ ...to, starred: true }),
        },
        { label: vscode.l10n.t('State'), kind: vscode.QuickPickItemKind.Separator },
        ...runStateNames
          .filter((state) => rows.some((row) => row.state === state))
          .map((state) => ({
            label: runStateName(state),
            picked: filter.states.includes(state),
            apply: (to: RunFilter) => ({ ...to, states: [...to.states, state] }),
          })),
        { label: vscode.l10n.t('Method'), kind: vscode.QuickPickItemKind.Separator },
        ...[...new Set(rows.map((row) => row.method))].map((method) => ({
          label: method,
          picked: filter.methods.includes(method),
          apply: (to: RunFilter) => ({ ...to, methods: [...to.methods, method] }),
        })),
        { label: vscode.l10n.t('Tag'), kind: vscode.QuickPickItemKind.Separator },
        ...[...new Set(rows.flatMap((row) => row.tags))].sort().map((tag) => ({
          label: `#${tag}`,
          picked: filter.tags.includes(tag),
          apply: (to: RunFilter) => ({ ...to, tags: [...to.tags, tag] }),
        })),
      ];
      const title = vscode.l10n.t('Show only runs that are…');
      const chosen = await vscode.window.showQuickPick(items, { title, canPickMany: true });
      if (!chosen) return;
      const text = chosen.some((item) => item.text)
        ? await vscode.window.showInputBox({
            title: vscode.l10n.t('Text in the name, note, tags, spec or id'),
            value: filter.text,
          })
        : '';
      if (text === undefined) return;
      const next = chosen.reduce((to, item) => item.apply?.(to) ?? to, { ...NO_FILTER, text });
      experiments.setFilter(next);
    },

    clearFilter() {
      experiments.setFilter(NO_FILTER);
    },

    async sortExperiments() {
      const labels: Record<SortOrder, string> = {
        newest: vscode.l10n.t('Newest first'),
        oldest: vscode.l10n.t('Oldest first'),
        name: vscode.l10n.t('By name'),
        best: vscode.l10n.t('Best result first'),
      };
      const order = await choose(vscode.l10n.t('Sort runs'), labels, experiments.arrangement.order);
      if (order && sortOrders.includes(order)) await experiments.arrange({ order });
    },

    async groupExperiments() {
      const labels: Record<Grouping, string> = {
        spec: vscode.l10n.t('By spec'),
        method: vscode.l10n.t('By method'),
        lineage: vscode.l10n.t('By lineage: each run under the one whose checkpoint it starts from'),
        none: vscode.l10n.t('No grouping'),
      };
      const grouping = await choose(vscode.l10n.t('Group runs'), labels, experiments.arrangement.grouping);
      if (grouping && groupings.includes(grouping)) await experiments.arrange({ grouping });
    },

    async refresh() {
      await Promise.all([runs.refresh(), specs.find(true)]);
    },

    async openSpec(target) {
      const found = targetOf(target);
      const row =
        found?.kind === 'run'
          ? runs.byDir(found.runDir)
          : found?.kind === 'spec'
            ? specs.runsOf(found.file, runs.rows())[0]
            : undefined;
      const file = row ? specs.locate(row).file : found?.kind === 'spec' ? found.file : undefined;
      if (file === undefined) return;
      if (existsSync(file)) {
        await vscode.window.showTextDocument(vscode.Uri.file(file));
        return;
      }
      const recorded = vscode.l10n.t('Open as Recorded');
      // Not awaited: the command is done, whenever the user answers.
      void vscode.window
        .showWarningMessage(vscode.l10n.t('{0} was deleted or moved.', path.basename(file)), ...(row ? [recorded] : []))
        .then((answer) => (answer === recorded && row ? showRecorded(row.dir) : undefined));
    },

    async openArtifact(target) {
      const found = targetOf(target);
      if (found?.kind !== 'artifact') return;
      const known = shownArtifact(found.artifact);
      if (known) await vscode.commands.executeCommand(commandId(known.command), found);
      else
        await vscode.commands.executeCommand(
          'vscode.open',
          vscode.Uri.file(path.join(runPaths(found.runDir).artifacts, found.name)),
        );
    },

    async copyPath(target) {
      const found = targetOf(target);
      if (!found) return;
      const text =
        found.kind === 'run' || found.kind === 'artifact'
          ? found.runDir
          : found.kind === 'checkpoint'
            ? found.path
            : found.file;
      await vscode.env.clipboard.writeText(text);
    },
  } satisfies Handlers;
}
