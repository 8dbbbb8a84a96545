import path from 'node:path';
import { loadSpec } from '../experiments/spec/spec';
import { firstSpec } from '../methods/first-run';
import { embeddedParent } from '../models/embedded';
import type { AddCommand } from './context';
import { runAttached } from './follow';
import { color, print } from './output';
import { withRuns, type RunsOption } from './run-options';
import { formatResults, resultsOf } from './results';

const PROMPT = 'The American people';
const SAMPLE_TOKENS = 40;

/** Prints a model's continuation of the prompt, on one line. */
async function showSample(label: string, checkpoint: string): Promise<void> {
  const { createRuntime } = await import('../engine/runtime/create');
  const { sample } = await import('../models/sample');
  const runtime = createRuntime();
  try {
    let text = '';
    const request = {
      checkpoint,
      prompt: PROMPT,
      maxTokens: SAMPLE_TOKENS,
      temperature: 0.7,
      topK: 40,
      topP: 0.95,
      seed: 7,
    };
    for await (const piece of sample(runtime, request)) text += piece;
    print(`${color('bold', label)}\n  ${PROMPT}${color('dim', text.replaceAll(/\s+/g, ' '))}\n`);
  } finally {
    await runtime.dispose();
  }
}

export const addStart: AddCommand = (program, { registry, targets }) => {
  withRuns(program.command('start'))
    .description('run a first experiment: make a family of smaller models from a small language model')
    .action(async (options: RunsOption) => {
      const json = options.json ?? false;
      const spec = await loadSpec(firstSpec(), registry);
      const dir = await targets.standard.create(spec, options.runsDir);
      const shown = path.relative(process.cwd(), dir);
      if (!json) {
        print(`${color('bold', 'Winnow')}: one language model becomes a family of smaller ones.\n`);
        print('Its linear layers are factored, and one training recovers the quality of all sizes,');
        print('on this computer, in a few minutes. Everything is written to');
        print(`${shown}\n`);
      }
      process.exitCode = await runAttached(dir, await targets.of(dir), json);
      const { results } = await resultsOf(dir, 'done');
      if (json || process.exitCode !== 0 || !results) return;
      print(`\n${formatResults(results)}\n`);
      await showSample('parent', embeddedParent());
      const family = new Set(results.series.flatMap(({ name, role }) => (role === 'member' ? [name] : [])));
      const members = results.points.filter(({ series }) => family.has(series));
      for (const { name, checkpoint } of members)
        if (checkpoint !== undefined) await showSample(name, path.join(dir, 'checkpoints', checkpoint));
      const smallest = members.at(-1)?.checkpoint ?? '';
      print(`Next:\n  npx winnow show latest\n  npx winnow inspect ${path.join(shown, 'checkpoints', smallest)}`);
      print(`  npx winnow sample ${path.join(shown, 'checkpoints', smallest)} --prompt "My fellow citizens,"`);
    });
};
