import { memoryUsage } from 'node:process';
import { messageOf } from './errors';
import { useLanguage } from './language';
import type { Answer, Question } from './comparison/speed/protocol';
import { TimedModel } from './comparison/speed/subject';

/** The process that times one model: `core/comparison/speed/stopwatch.ts` starts it and asks. */

useLanguage();
const before = memoryUsage().rss;
let model: TimedModel | undefined;

async function answer(question: Question): Promise<number> {
  if (question.ask === 'prepare') {
    model = new TimedModel(question.subject);
    return 0;
  }
  if (!model) throw new Error('there is nothing to time yet');
  switch (question.ask) {
    case 'train':
      return model.train();
    case 'infer':
      return model.infer();
    case 'memory':
      return process.resourceUsage().maxRSS * 1024 - before;
  }
}

process.on('message', (question: Question) => {
  void answer(question).then(
    (value) => {
      process.send?.({ value } satisfies Answer);
    },
    (error: unknown) => {
      process.send?.({ problem: messageOf(error) } satisfies Answer);
    },
  );
});
// The parent ended, whatever the reason: nobody waits for an answer.
process.on('disconnect', () => process.exit());
