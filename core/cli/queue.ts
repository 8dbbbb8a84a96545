import { Argument, InvalidArgumentError, type Command } from 'commander';
import { formatBytes } from '../protocol/format';
import type { QueuedRun, QueuePlace, QueueView } from '../protocol/queue';
import { oneLine } from '../terminal-text';
import { LIMITED, MOVES, type Limited, type Move } from '../workers/queue/state';
import type { AddCommand } from './context';
import { color, duration, print, printJson } from './output';
import { withJson, type JsonOption } from './run-options';

interface QueueOptions extends JsonOption {
  readonly on?: string;
}

const withOn = (command: Command) => withJson(command).option('--on <remote>', 'the queue of another machine');

const NO_LIMIT = 'none';

export const addQueue: AddCommand = (program, { targets }) => {
  const targetOf = ({ on }: QueueOptions) => (on === undefined ? targets.standard : targets.get(on));
  const queue = withOn(program.command('queue'))
    .description('what runs on each device, and what waits for one: list, move, limit')
    .action(async (options: QueueOptions) => {
      const view = await (await targetOf(options)).queue();
      if (options.json) printJson(view);
      else print(queueText(view));
    });

  // The options of the command above come first, so those of this one are its own and its parent's.
  const merged = (command: Command): QueueOptions => command.optsWithGlobals();

  withOn(queue.command('move'))
    .argument('<run>', 'its id, a part of it, or its name')
    .addArgument(new Argument('<where>', 'where to').choices(MOVES))
    .description('move a waiting run before or behind others that wait for the same device')
    .action(async (run: string, to: Move, _options: unknown, command: Command) => {
      const options = merged(command);
      const target = await targetOf(options);
      const id = await target.moveInQueue(run, to);
      const view = await target.queue();
      if (options.json) printJson({ id, ...view });
      else print(queueText(view));
    });

  withOn(queue.command('limit'))
    .addArgument(new Argument('<device>', 'what to limit').choices(LIMITED))
    .argument('<runs>', `runs at once, on the CPU or on each GPU; "${NO_LIMIT}" for the default`, limitOf)
    .description('set how many runs compute at once (default: any number on the CPU, one on each GPU)')
    .action(async (device: Limited, runs: number | undefined, _options: unknown, command: Command) => {
      const options = merged(command);
      const target = await targetOf(options);
      await target.limitQueue(device, runs);
      const { limits } = await target.queue();
      if (options.json) printJson({ limits });
      else
        print(
          `CPU: ${limits.cpu === null ? 'any number of runs' : atOnce(limits.cpu)}. Each GPU: ${atOnce(limits.gpu)}.`,
        );
    });
};

const atOnce = (runs: number) => (runs === 0 ? 'paused' : runs === 1 ? '1 run at a time' : `${runs} runs at a time`);

function limitOf(text: string): number | undefined {
  if (text === NO_LIMIT) return undefined;
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError(`Give a number of runs, 0 to pause, or "${NO_LIMIT}".`);
}

const ago = ({ since }: QueuedRun) => duration((Date.now() - since) / 1000);

function queueText({ places, waiting }: QueueView): string {
  return [
    ...places.flatMap((place) => [placeLine(place), ...place.runs.map((run) => `  ${runText(run)}  for ${ago(run)}`)]),
    ...(waiting.length === 0 ? ['Nothing waits.'] : [color('bold', 'Waiting')]),
    ...waiting.map((run, i) => `  ${i + 1}. ${runText(run)}  ${run.provider}  ${color('dim', oneLine(run.reason))}`),
  ].join('\n');
}

const runText = ({ id, name }: QueuedRun) => `${oneLine(id)}  ${oneLine(name)}`;

function placeLine({ name, runs, limit, load }: QueuePlace): string {
  const { used, memory, use } = load;
  const parts = [
    `${runs.length} running`,
    ...(limit === null ? [] : [`limit ${limit}`]),
    ...(used === null || memory === null ? [] : [`${formatBytes(used)} of ${formatBytes(memory)} in use`]),
    ...(use === null ? [] : [`${Math.round(use * 100)}% busy`]),
  ];
  return `${color('bold', oneLine(name))}  ${parts.join(', ')}`;
}
