/** Words for a split of the data, and their short forms. */
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

/** Keys of strings in a row or object that name its split. */
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

/** The split that a row's strings name. */
export function splitAmong(texts: Iterable<readonly [name: string, text: unknown]>): string | undefined {
  for (const [name, text] of texts)
    if (typeof text === 'string' && SPLIT_KEYS.has(name.toLowerCase()) && isSplit(text)) return text;
  return undefined;
}

export const SPLIT_WORDS = SPLIT.source.slice(1, -1);

/** Whether a word names a split. */
export const isSplit = (word: string): boolean => SPLIT.test(word);

/** Whether a split is the training data. */
export const isTraining = (split: string): boolean => /^train/i.test(split);

/** The split that a heading is about: "Running Validation". */
export function splitOf(words: readonly string[]): string | undefined {
  const names = words.flatMap((word) => NAMES[word.toLowerCase()] ?? []);
  return names.find((name) => !isTraining(name)) ?? names[0];
}
