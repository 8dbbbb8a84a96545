/** Words for a part of the data, and what each is short for. */
const NAMES: Readonly<Record<string, string>> = {
  train: 'train',
  training: 'train',
  val: 'val',
  valid: 'val',
  validation: 'val',
  validating: 'val',
  eval: 'eval',
  evaluation: 'eval',
  evaluating: 'eval',
  test: 'test',
  testing: 'test',
  dev: 'dev',
};
const SPLIT = /^(?:train|training|val|valid|validation|eval|evaluation|test|testing|dev)$/i;

/** Names of texts in a row or an object that say on which data it was measured. */
const SPLIT_KEYS: ReadonlySet<string> = new Set([
  'split',
  'subset',
  'mode',
  'phase',
  'stage',
  'partition',
  'set',
  'dataset',
  'data',
  'data_split',
  'dataset_split',
  'eval_set',
  'loader',
  'dataloader',
  'type',
  'event',
  'kind',
  'prefix',
]);

/** The part of the data that the texts of a row name. */
export function splitAmong(texts: Iterable<readonly [name: string, text: unknown]>): string | undefined {
  for (const [name, text] of texts)
    if (typeof text === 'string' && SPLIT_KEYS.has(name.toLowerCase()) && isSplit(text)) return text;
  return undefined;
}

export const SPLIT_WORDS = SPLIT.source.slice(1, -1);

/** Whether a word names the part of the data that something was measured on. */
export const isSplit = (word: string): boolean => SPLIT.test(word);

/** Whether a part of the data is what is trained on, not evaluated on. */
export const isTraining = (split: string): boolean => /^train/i.test(split);

/** The part of the data that a heading is about: "Running Validation". */
export function splitOf(words: readonly string[]): string | undefined {
  const names = words.flatMap((word) => NAMES[word.toLowerCase()] ?? []);
  return names.find((name) => !isTraining(name)) ?? names[0];
}
