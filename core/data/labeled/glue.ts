import path from 'node:path';

/** The nine tasks of GLUE (Wang et al., 2019), by Hugging Face's names. */
export const GLUE_TASKS = ['cola', 'sst2', 'mrpc', 'stsb', 'qqp', 'mnli', 'qnli', 'rte', 'wnli'] as const;
export type GlueTask = (typeof GLUE_TASKS)[number];

/** The columns of a sample. */
export interface SampleColumns {
  readonly text: string;
  readonly pair?: string | undefined;
  readonly label: string;
}

export interface GlueLayout {
  /** Names of the columns: first as in the TSV files, then as in the hub's Parquet and JSONL files. */
  readonly columns: readonly SampleColumns[];
  /** In the order of their numbers; empty for scores. */
  readonly classes: readonly string[];
}

const single = (text = 'sentence', label = 'label'): SampleColumns => ({ text, label });
const pair = (text: string, second: string, label = 'label'): SampleColumns => ({ text, pair: second, label });

/** Names and numbers of the classes are the hub's; QNLI, RTE and MNLI use names in TSV files and numbers elsewhere. */
export const GLUE_LAYOUTS: Readonly<Record<GlueTask, GlueLayout>> = {
  cola: { columns: [single()], classes: ['unacceptable', 'acceptable'] },
  sst2: { columns: [single()], classes: ['negative', 'positive'] },
  mrpc: {
    columns: [pair('#1 String', '#2 String', 'Quality'), pair('sentence1', 'sentence2')],
    classes: ['not_equivalent', 'equivalent'],
  },
  stsb: { columns: [pair('sentence1', 'sentence2', 'score'), pair('sentence1', 'sentence2')], classes: [] },
  qqp: {
    columns: [pair('question1', 'question2', 'is_duplicate'), pair('question1', 'question2')],
    classes: ['not_duplicate', 'duplicate'],
  },
  mnli: {
    columns: [pair('sentence1', 'sentence2', 'gold_label'), pair('premise', 'hypothesis')],
    classes: ['entailment', 'neutral', 'contradiction'],
  },
  qnli: { columns: [pair('question', 'sentence')], classes: ['entailment', 'not_entailment'] },
  rte: { columns: [pair('sentence1', 'sentence2')], classes: ['entailment', 'not_entailment'] },
  wnli: { columns: [pair('sentence1', 'sentence2')], classes: ['not_entailment', 'entailment'] },
};

/** CoLA's TSV files have no header. `mark` is the linguists' own: `*` or nothing. */
export const COLA_HEADER = ['source', 'label', 'mark', 'sentence'];

/** Whether these are the cells of a line of CoLA: a source, 0 or 1, an optional star, a sentence. */
export const isColaLine = (cells: readonly string[]) =>
  cells.length === COLA_HEADER.length && /^[01]$/.test(cells[1]!) && /^\*?$/.test(cells[2]!);

/** The task's columns, if they are present. */
export const columnsOf = (task: GlueTask, present: readonly string[]): SampleColumns | undefined =>
  GLUE_LAYOUTS[task].columns.find(({ text, pair: second, label }) =>
    [text, second, label].every((name) => name === undefined || present.includes(name)),
  );

/** The task that a folder (or the folder of a file) is named after, in any spelling (`SST-2`, `STS-B`, `sts_b`). */
export function taskByName(place: string): GlueTask | undefined {
  const names = [path.basename(place), path.basename(path.dirname(place))];
  const plain = names.map((name) => name.toLowerCase().replace(/[^a-z0-9]/g, ''));
  return GLUE_TASKS.find((task) => plain.includes(task));
}

/** The task that can be inferred from the columns alone. */
export function taskByColumns(present: readonly string[]): GlueTask | undefined {
  const has = (...names: string[]) => names.every((name) => present.includes(name));
  if (has('Quality', '#1 String', '#2 String')) return 'mrpc';
  if (has('question1', 'question2', 'is_duplicate')) return 'qqp';
  if (has('sentence1', 'sentence2', 'gold_label', 'promptID')) return 'mnli';
  if (has(...COLA_HEADER)) return 'cola';
  return undefined;
}
