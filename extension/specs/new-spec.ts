import { existsSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { Choices } from '../../core/experiments/spec/new';
import { SPEC_ENDING } from '../../core/experiments/spec/ending';
import { startFrom, type DataInput, type ModelInput, type Start } from '../../core/experiments/starting';
import type { ModelKind } from '../../core/models/kind';
import { pickCheckpoint } from '../pick';
import type { Runs } from '../runs';
import type { MethodInfo } from './method-info';
import { BACK, runSteps, type Step, type StepUi } from './steps';

/** The user's answers so far. */
interface Answers {
  method?: MethodInfo;
  start?: Start;
  /** Use the same settings as the run that made the checkpoint. */
  same?: boolean;
  model?: string;
  data?: string;
  asked: Record<string, string>;
  budget?: Start['budgets'][number];
  file?: string;
}

interface Item extends vscode.QuickPickItem {
  readonly value?: string;
  /** Opens a dialog to choose the value. */
  readonly browse?: () => Promise<string | undefined>;
}

/** A model to start from. */
export interface Origin {
  readonly checkpoint: string;
  /** Its kind; undefined if Winnow cannot read it. */
  readonly kind: ModelKind | undefined;
  /** The run that made it, if any. */
  readonly run?: { readonly name: string; readonly method: string } | undefined;
}

export interface NewSpec {
  readonly file: string;
  readonly method: string;
  /** Undefined: use the same settings as the run that made the checkpoint. */
  readonly choices: Choices | undefined;
}

/**
 * Asks for a new experiment step by step, with a Back button; nothing is written before the last step.
 * @param methods the methods to choose from; with an origin, those that can start from it
 * @returns the spec, or undefined if canceled
 */
export async function askNewSpec(
  methods: readonly MethodInfo[],
  runs: Runs,
  folder: string,
  origin?: Origin,
): Promise<NewSpec | undefined> {
  const answers: Answers = { asked: {}, ...(origin && { model: origin.checkpoint }) };
  const title = origin
    ? vscode.l10n.t('Branch From {0}', path.basename(origin.checkpoint))
    : vscode.l10n.t('New Experiment');

  const method: Step = {
    decides: true,
    async ask(ui) {
      const before = methods.find(({ name }) => name === origin?.run?.method);
      const same = before && [
        {
          label: vscode.l10n.t('The same as in {0}', origin?.run?.name ?? ''),
          description: before.name,
          detail: vscode.l10n.t('Data, budget and all other settings of that run'),
          info: before,
          same: true,
        },
        { label: vscode.l10n.t('Something else'), kind: vscode.QuickPickItemKind.Separator, info: before, same: false },
      ];
      const all = methods.map((info) => ({
        label: info.title,
        description: info.name,
        detail: info.summary,
        info,
        same: false,
      }));
      const chosen = await ui.pick([...(same ?? []), ...all], vscode.l10n.t('What should the experiment do?'));
      if (chosen === BACK || chosen === undefined) return chosen;
      answers.method = chosen.info;
      answers.same = chosen.same;
      const { starting } = chosen.info;
      const only = origin ? startFrom(starting, origin.kind) : starting.length === 1 ? starting[0] : undefined;
      if (only) answers.start = only;
      else delete answers.start;
      return 'next';
    },
  };

  const way: Step = {
    decides: true,
    async ask(ui) {
      const items = (answers.method?.starting ?? []).map((start) => ({
        label: start.label ?? '',
        detail: start.detail ?? '',
        start,
      }));
      const chosen = await ui.pick(items, vscode.l10n.t('What does it train on?'));
      if (chosen === BACK || chosen === undefined) return chosen;
      answers.start = chosen.start;
      return 'next';
    },
  };

  const model = (input: ModelInput): Step => ({
    async ask(ui) {
      const question = vscode.l10n.t('Which model does it start from?');
      const value = await answer(ui, modelItems(input, runs), question);
      if (typeof value === 'string') answers.model = value;
      return typeof value === 'string' ? 'next' : value;
    },
  });

  const data = (input: DataInput): Step => ({
    async ask(ui) {
      const value = await answer(ui, dataItems(input), vscode.l10n.t('Which data does it use?'));
      if (typeof value === 'string') answers.data = value;
      return typeof value === 'string' ? 'next' : value;
    },
  });

  const ask = ({ key, prompt, placeholder }: NonNullable<Start['ask']>[number]): Step => ({
    async ask(ui) {
      const text = await ui.ask(prompt, placeholder, answers.asked[key] ?? '', (value) =>
        value.trim() === '' ? vscode.l10n.t('This cannot be empty.') : undefined,
      );
      if (text === BACK || text === undefined) return text;
      answers.asked[key] = text;
      return 'next';
    },
  });

  const budget: Step = {
    async ask(ui) {
      const items = (answers.start?.budgets ?? []).map((of) => ({ label: of.label, detail: of.detail, of }));
      const chosen = await ui.pick(items, vscode.l10n.t('Which budget?'));
      if (chosen === BACK || chosen === undefined) return chosen;
      answers.budget = chosen.of;
      return 'next';
    },
  };

  const name: Step = {
    async ask(ui) {
      const suggestion = freeName(folder, origin ? 'branch' : (answers.method?.name ?? ''));
      const text = await ui.ask(vscode.l10n.t('Name of the experiment'), suggestion, suggestion, (value) =>
        problemOfName(folder, value),
      );
      if (text === BACK || text === undefined) return text;
      answers.file = path.join(folder, `${text.trim()}${SPEC_ENDING}`);
      return 'next';
    },
  };

  const steps = (): Step[] => {
    const { method: chosen, start, same } = answers;
    if (same) return [method, name];
    return [
      method,
      ...(chosen && !origin && chosen.starting.length > 1 ? [way] : []),
      ...(start?.model && !origin ? [model(start.model)] : []),
      ...(start?.data ? [data(start.data)] : []),
      ...(start?.ask ?? []).map(ask),
      ...((start?.budgets.length ?? 0) > 1 ? [budget] : []),
      name,
    ];
  };
  if (!(await runSteps(title, steps))) return undefined;
  const { file, method: chosen, start, same } = answers;
  if (file === undefined || !chosen || !start) return undefined;
  // Going back may have left choices for another way to start; ignore them.
  const of = start.budgets.includes(answers.budget!) ? answers.budget : start.budgets[0];
  const asked = Object.fromEntries((start.ask ?? []).map(({ key }) => [key, answers.asked[key] ?? '']));
  const choices = { method: chosen.name, start, model: answers.model, data: answers.data, asked, budget: of };
  return { file, method: chosen.name, choices: same ? undefined : choices };
}

function modelItems(input: ModelInput, runs: Runs): Item[] {
  const { without, embedded, takes } = input;
  return [
    ...(without === undefined ? [] : [{ label: without, value: '' }]),
    ...(embedded ? [embedded] : []),
    {
      label: vscode.l10n.t('From a run, or elsewhere on this machine…'),
      browse: () => pickCheckpoint(runs, { title: vscode.l10n.t('Which model?'), takes }),
      iconPath: new vscode.ThemeIcon('folder-opened'),
    },
  ];
}

function dataItems({ embedded, browse }: DataInput): Item[] {
  const open = (folder: boolean) => async () =>
    (await vscode.window.showOpenDialog({ canSelectFiles: !folder, canSelectFolders: folder }))?.[0]?.fsPath;
  return [
    ...(embedded ? [embedded] : []),
    ...browse.map(({ label, folder }) => ({
      label,
      browse: open(folder),
      iconPath: new vscode.ThemeIcon(folder ? 'folder-opened' : 'file'),
    })),
  ];
}

/** The value of a picked item; canceling its dialog returns to the question. */
async function answer(ui: StepUi, items: readonly Item[], question: string): Promise<string | typeof BACK | undefined> {
  const item = await ui.pick(items, question);
  if (item === BACK || item === undefined) return item;
  const value = item.value ?? (await item.browse?.());
  return value ?? answer(ui, items, question);
}

function freeName(folder: string, base: string): string {
  for (let count = 1; ; count++) {
    const candidate = count === 1 ? base : `${base}-${count}`;
    if (!existsSync(path.join(folder, `${candidate}${SPEC_ENDING}`))) return candidate;
  }
}

function problemOfName(folder: string, value: string): string | undefined {
  const name = value.trim();
  if (name === '') return vscode.l10n.t('The experiment needs a name.');
  if (/[\\/:*?"<>|]/.test(name) || name.startsWith('.')) return vscode.l10n.t('This is not a valid file name.');
  if (existsSync(path.join(folder, `${name}${SPEC_ENDING}`)))
    return vscode.l10n.t('{0} already exists.', `${name}${SPEC_ENDING}`);
  return undefined;
}
