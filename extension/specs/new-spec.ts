import { existsSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import { setSpecValue } from '../../core/experiments/spec-edit';
import { SPEC_ENDING } from '../../core/experiments/spec-ending';
import { specPath } from '../../core/experiments/spec-path';
import { pickCheckpoint } from '../pick';
import type { Runs } from '../runs';
import type { MethodInfo } from './methods';
import { BACK, runSteps, type Step } from './steps';

/** What a person has answered so far. */
interface Answers {
  method?: MethodInfo;
  model?: string;
  data?: string;
  asked: Record<string, string>;
  /** The settings are those of the run that the checkpoint comes from. */
  keeps?: boolean;
  budget?: MethodInfo['starting']['budgets'][number];
  file?: string;
}

interface Item extends vscode.QuickPickItem {
  readonly value?: string;
  /** Opens a dialog for the value. */
  readonly browse?: () => Promise<string | undefined>;
}

/** A model to go on from. */
export interface Origin {
  readonly checkpoint: string;
  /** The run that made it, where one did. */
  readonly run?: { readonly name: string; readonly method: string } | undefined;
}

export interface NewSpec {
  readonly file: string;
  readonly method: string;
  /** Undefined: what `winnow branch` writes, with the settings of the run that the checkpoint comes from. */
  readonly text: string | undefined;
}

/**
 * Asks for a new experiment step by step, with a way back at each; nothing is written before the last.
 * @returns the spec, or undefined when it was called off
 */
export async function askNewSpec(
  methods: readonly MethodInfo[],
  runs: Runs,
  folder: string,
  { checkpoint, run }: Partial<Origin> = {},
): Promise<NewSpec | undefined> {
  const answers: Answers = { asked: {}, ...(checkpoint !== undefined && { model: checkpoint }) };
  const title =
    checkpoint === undefined
      ? vscode.l10n.t('New Experiment')
      : vscode.l10n.t('Branch From {0}', path.basename(checkpoint));

  const method: Step = async (ui) => {
    const items = methods.map((info) => ({ label: info.title, description: info.name, detail: info.summary, info }));
    const chosen = await ui.pick(items, vscode.l10n.t('What should the experiment do?'));
    if (chosen === BACK || chosen === undefined) return chosen;
    answers.method = chosen.info;
    return 'next';
  };

  const settings: Step = async (ui) => {
    const items = [
      {
        label: vscode.l10n.t('The same as in {0}', run?.name ?? ''),
        detail: vscode.l10n.t('Data, budget and all that it had set'),
        keeps: true,
      },
      { label: vscode.l10n.t('Choose data and budget'), keeps: false },
    ];
    const chosen = await ui.pick(items, vscode.l10n.t('With which settings?'));
    if (chosen === BACK || chosen === undefined) return chosen;
    answers.keeps = chosen.keeps;
    return 'next';
  };

  const pickInput = (input: { readonly embedded?: string } | undefined, embedded: string, browse: Item['browse'][]) => {
    const items: Item[] = input?.embedded === undefined ? [] : [{ label: embedded, value: input.embedded }];
    const labels = [vscode.l10n.t('From a run, or elsewhere on this machine…'), vscode.l10n.t('A file…')];
    for (const [index, open] of browse.entries())
      if (open)
        items.push({ label: labels[index] ?? '', browse: open, iconPath: new vscode.ThemeIcon('folder-opened') });
    return items;
  };

  const model: Step = async (ui) => {
    const none: Item[] = answers.method?.starting.model?.optional
      ? [{ label: vscode.l10n.t('None: it starts from nothing'), value: '' }]
      : [];
    const inputs = pickInput(answers.method?.starting.model, vscode.l10n.t('The small model that comes with Winnow'), [
      () => pickCheckpoint(runs, vscode.l10n.t('Which model?')),
    ]);
    const value = await answer(await ui.pick([...none, ...inputs], vscode.l10n.t('Which model does it start from?')));
    if (value === BACK || value === undefined) return value;
    answers.model = value;
    return 'next';
  };

  const data: Step = async (ui) => {
    const open = (folders: boolean) => async () =>
      (await vscode.window.showOpenDialog({ canSelectFiles: !folders, canSelectFolders: folders }))?.[0]?.fsPath;
    const items: Item[] = [
      ...pickInput(answers.method?.starting.data, vscode.l10n.t('The public-domain text that comes with Winnow'), []),
      {
        label: vscode.l10n.t('A folder of texts…'),
        browse: open(true),
        iconPath: new vscode.ThemeIcon('folder-opened'),
      },
      {
        label: vscode.l10n.t('A text, JSONL or Parquet file…'),
        browse: open(false),
        iconPath: new vscode.ThemeIcon('file'),
      },
    ];
    const value = await answer(await ui.pick(items, vscode.l10n.t('Which data does it use?')));
    if (value === BACK || value === undefined) return value;
    answers.data = value;
    return 'next';
  };

  const ask =
    (question: NonNullable<MethodInfo['starting']['ask']>[number]): Step =>
    async (ui) => {
      const text = await ui.ask(question.prompt, question.placeholder, answers.asked[question.key] ?? '', (value) =>
        value.trim() === '' ? vscode.l10n.t('Say what it is.') : undefined,
      );
      if (text === BACK || text === undefined) return text;
      answers.asked[question.key] = text;
      return 'next';
    };

  const budget: Step = async (ui) => {
    const items = (answers.method?.starting.budgets ?? []).map((of) => ({ label: of.label, detail: of.detail, of }));
    const chosen = await ui.pick(items, vscode.l10n.t('How much may it cost?'));
    if (chosen === BACK || chosen === undefined) return chosen;
    answers.budget = chosen.of;
    return 'next';
  };

  const name: Step = async (ui) => {
    const suggestion = freeName(folder, checkpoint === undefined ? (answers.method?.name ?? '') : 'branch');
    const text = await ui.ask(vscode.l10n.t('Name of the experiment'), suggestion, suggestion, (value) =>
      problemOfName(folder, value),
    );
    if (text === BACK || text === undefined) return text;
    answers.file = path.join(folder, `${text.trim()}${SPEC_ENDING}`);
    return 'next';
  };

  const steps = (): Step[] => {
    const starting = answers.method?.starting;
    const known = run !== undefined && run.method === answers.method?.name;
    if (known && answers.keeps) return [method, settings, name];
    return [
      method,
      ...(known ? [settings] : []),
      ...(starting?.model && checkpoint === undefined ? [model] : []),
      ...(starting?.data ? [data] : []),
      ...(starting?.ask ?? []).map(ask),
      ...((starting?.budgets.length ?? 2) > 1 ? [budget] : []),
      name,
    ];
  };
  if (!(await runSteps(title, steps)) || answers.file === undefined || answers.method === undefined) return undefined;
  const keeps = answers.keeps && run?.method === answers.method.name;
  return {
    file: answers.file,
    method: answers.method.name,
    text: keeps ? undefined : specText(answers, answers.file),
  };
}

/** The value of a picked item; a dialog that was called off leads back to the question. */
async function answer(item: Item | typeof BACK | undefined): Promise<string | typeof BACK | undefined> {
  if (item === BACK || item === undefined) return item;
  return item.value ?? (await item.browse?.()) ?? BACK;
}

function specText({ method, model, data, asked, budget }: Answers, file: string): string {
  const starting = method?.starting;
  const asPath = (value: string) => (path.isAbsolute(value) ? specPath(file, value) : value);
  const values: [string, unknown][] = [
    ['name', path.basename(file).slice(0, -SPEC_ENDING.length)],
    ['method', method?.name],
    ...(starting?.model && model ? [[starting.model.key, asPath(model)] as [string, unknown]] : []),
    ...(starting?.data && data !== undefined ? [[starting.data.key, asPath(data)] as [string, unknown]] : []),
    ...Object.entries(asked),
    ...Object.entries((budget ?? starting?.budgets[0])?.values ?? {}),
    ['seed', 0],
  ];
  return `${values.reduce((text, [key, value]) => setSpecValue(text, key, value), '{}').trimEnd()}\n`;
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
  if (/[\\/:*?"<>|]/.test(name) || name.startsWith('.')) return vscode.l10n.t('This cannot be the name of a file.');
  if (existsSync(path.join(folder, `${name}${SPEC_ENDING}`)))
    return vscode.l10n.t('{0} is there already.', `${name}${SPEC_ENDING}`);
  return undefined;
}
