import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { UserError } from '../../errors';
import { explainReadError } from '../read-error';
import { readLines } from './document-readers';
import { parseJsonLine } from './json-line';

/** A question whose answer is the most likely continuation. */
export interface MultipleChoiceItem {
  readonly context: string;
  /** Continuations, as they follow the context: with their leading space where there is one. */
  readonly choices: readonly string[];
  /** Index of the right one. */
  readonly gold: number;
}

const Answer = z.union([z.int().nonnegative(), z.string().min(1)]);

/** One line of a task file, in the forms that lm-eval-harness tasks use. */
const Line = z
  .looseObject({
    context: z.string().optional(),
    query: z.string().optional(),
    choices: z.array(z.string().min(1)).min(2),
    gold: Answer.optional(),
    answer: Answer.optional(),
  })
  .transform((line, check): MultipleChoiceItem => {
    const context = line.context ?? line.query;
    const answer = line.gold ?? line.answer;
    if (context === undefined) return reject(check, l10n.t('it has neither "context" nor "query"'));
    if (answer === undefined) return reject(check, l10n.t('it has neither "gold" nor "answer"'));
    const gold = indexOf(answer);
    if (gold === undefined || gold >= line.choices.length) {
      return reject(
        check,
        l10n.t`its answer ${JSON.stringify(answer)} names none of its ${line.choices.length} choices`,
      );
    }
    return { context, choices: line.choices, gold };
  });

function reject(check: z.RefinementCtx, message: string): never {
  check.issues.push({ code: 'custom', message, input: check.value });
  return z.NEVER;
}

/** An index from 0, as a number or its digits, or a letter label A, B, … */
function indexOf(answer: number | string): number | undefined {
  if (typeof answer === 'number') return answer;
  if (/^\d+$/.test(answer)) return Number(answer);
  return /^[A-Z]$/.test(answer) ? answer.charCodeAt(0) - 'A'.charCodeAt(0) : undefined;
}

/**
 * Reads a multiple-choice task: JSONL with `context` (or `query`), `choices`, and `gold` (or `answer`), which is an index
 * from 0 or a letter from A.
 *
 * @throws UserError `task.invalid-line`, `task.empty`, `data.not-json`, `data.not-utf8`, `data.not-found`
 */
export async function readMultipleChoice(file: string): Promise<MultipleChoiceItem[]> {
  const items: MultipleChoiceItem[] = [];
  try {
    for await (const { number, text } of readLines(file)) {
      const where = () => l10n.t`${file}, line ${number}`;
      const parsed = Line.safeParse(parseJsonLine(text, where));
      if (!parsed.success) {
        const reasons = parsed.error.issues.map(({ path, message }) => [...path, message].join(': ')).join('; ');
        throw new UserError(
          'task.invalid-line',
          l10n.t`${where()} is not a multiple-choice question: ${reasons}.`,
          l10n.t('A line looks like {"context": "2 + 2 =", "choices": [" 4", " 5"], "gold": 0}.'),
        );
      }
      items.push(parsed.data);
    }
  } catch (error) {
    throw explainReadError(error, file);
  }
  if (items.length === 0)
    throw new UserError('task.empty', l10n.t`${file} holds no questions.`, l10n.t('Put one on each line.'));
  return items;
}
