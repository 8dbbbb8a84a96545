import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { makeClozeTask } from '../../../data/text/cloze-task';
import type { MultipleChoiceItem } from '../../../data/text/multiple-choice';
import { readMultipleChoice } from '../../../data/text/multiple-choice';
import type { TokenStream } from '../../../data/text/token-stream';
import type { Tokenizer } from '../../../data/tokenizer/tokenizer';
import { UserError } from '../../../errors';
import type { PlrdConfig } from '../config';

export type Tasks = Readonly<Record<string, readonly MultipleChoiceItem[]>>;

/** Name of the task that is made from the held-out text. */
const CLOZE = 'cloze';

/** The task files of a spec, by name. @throws UserError `plrd.task-name` for duplicate names, and those of the reader */
export async function readTasks({ tasks }: PlrdConfig['evaluation'], baseDir: string): Promise<Tasks> {
  const read: Record<string, readonly MultipleChoiceItem[]> = {};
  for (const file of tasks) {
    const name = path.basename(file, path.extname(file));
    if (name in read || name === CLOZE)
      throw new UserError(
        'plrd.task-name',
        l10n.t`evaluation.tasks: there are two tasks called '${name}'.`,
        l10n.t('Rename one of the files.'),
      );
    read[name] = await readMultipleChoice(path.resolve(baseDir, file));
  }
  return read;
}

/** The multiple-choice tasks of a spec: its files, and questions made from the held-out text. */
export async function loadTasks(
  evaluation: PlrdConfig['evaluation'],
  heldOut: TokenStream,
  tokenizer: Tokenizer,
  { baseDir, seed, maxTokens }: { baseDir: string; seed: number; maxTokens: number },
): Promise<Tasks> {
  const files = await readTasks(evaluation, baseDir);
  if (evaluation.cloze === 0) return files;
  const options = { count: evaluation.cloze, seed, maxTokens };
  try {
    return { [CLOZE]: makeClozeTask(heldOut.documents(tokenizer), tokenizer, options), ...files };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(
      error.code,
      error.message,
      l10n.t`${error.hint} Their number is "evaluation.cloze"; 0 for none.`,
      {
        cause: error,
      },
    );
  }
}
