import { InvalidArgumentError, Option } from 'commander';
import { PROVIDERS, type Provider } from '../engine/runtime/runtime';
import type { AddCommand } from './context';
import { print, printJson } from './output';
import { withJson, type JsonOption } from './run-options';
import { write } from './terminal';

interface SampleOptions extends JsonOption {
  readonly prompt: string;
  readonly tokens: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly seed: number;
  readonly provider: Provider;
}

const numberBetween = (low: number, high: number, whole: boolean) => (text: string) => {
  const value = Number(text);
  if (text.trim() === '' || !(value >= low && value <= high) || (whole && !Number.isInteger(value)))
    throw new InvalidArgumentError(`It must be a ${whole ? 'whole ' : ''}number from ${low} to ${high}.`);
  return value;
};

export const addSample: AddCommand = (program) => {
  withJson(program.command('sample <checkpoint>'))
    .description('let a language model continue a prompt (<checkpoint>: a model folder)')
    .option('-p, --prompt <text>', 'the text to continue (default: start a new document)', '')
    .option(
      '-n, --tokens <number>',
      'maximum number of tokens to generate; fewer if the context of the model is full',
      numberBetween(1, 100_000, true),
      120,
    )
    .option(
      '-t, --temperature <number>',
      '0 always takes the most likely token, 1 samples from the model as it is',
      numberBetween(0, 10, false),
      0.8,
    )
    .option(
      '--top-k <number>',
      'sample from this many of the most likely tokens; 0 for all',
      numberBetween(0, 1e9, true),
      0,
    )
    .option(
      '--top-p <share>',
      'sample from the most likely tokens up to this total probability',
      numberBetween(0.01, 1, false),
      0.95,
    )
    .option('--seed <number>', 'the same seed gives the same text', numberBetween(0, 2 ** 32, true), 0)
    .addOption(new Option('--provider <name>', 'the device to compute on').choices(PROVIDERS).default('cpu'))
    .action(async (checkpoint: string, options: SampleOptions) => {
      const { prompt, tokens: maxTokens, temperature, topK, topP, seed, provider, json } = options;
      const { createRuntime } = await import('../engine/runtime/create');
      const { sample } = await import('../models/sample');
      const runtime = createRuntime({ provider });
      try {
        const onNote = (note: string) => {
          write(`${note}\n`, process.stderr);
        };
        const pieces = sample(runtime, { checkpoint, prompt, maxTokens, temperature, topK, topP, seed, onNote });
        let text = '';
        // The prompt is printed together with the first output, so that an error appears alone.
        for await (const piece of pieces) {
          if (!json) write(text === '' ? prompt + piece : piece);
          text += piece;
        }
        if (json) printJson({ checkpoint, prompt, text, seed });
        else print(text === '' ? prompt : '');
      } finally {
        await runtime.dispose();
      }
    });
};
