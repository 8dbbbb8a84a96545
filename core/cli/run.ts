import { text } from 'node:stream/consumers';
import type { Command } from 'commander';
import { UserError } from '../errors';
import { formatBytes } from '../protocol/format';
import { checkResumable, createRerun, createRun, planSpec } from '../experiments/run/launch';
import { loadSpec, parseOverride, parseSpec } from '../experiments/spec/spec';
import { readSummary, RunStore } from '../experiments/library/store';
import type { AddCommand, CliContext } from './context';
import { runAttached } from './follow';
import { duration, fields, number, print, printJson } from './output';
import { collect, withJson, withRuns, type JsonOption, type RunsOption } from './run-options';
import { runJson } from './run-json';

interface StartOptions extends RunsOption {
  readonly detach?: true;
}
interface SetOption {
  readonly set?: string[];
}

const withStart = (command: Command) => withRuns(command).option('-d, --detach', 'start it and return at once');
const withSet = (command: Command) =>
  command.option('--set <key=value>', 'replace a value of the spec (may be repeated)', collect);

/** Starts the worker on a run directory, in the background or followed, and sets the exit code. */
async function start(dir: string, { targets }: CliContext, options: StartOptions): Promise<void> {
  const json = options.json ?? false;
  const target = await targets.of(dir);
  if (!options.detach) {
    const run = await readSummary(dir);
    if (!json) print(`${run.id}  ${run.record.spec.name}`);
    process.exitCode = await runAttached(dir, target, json);
    return;
  }
  await target.submit(dir);
  const run = await readSummary(dir);
  if (json) printJson(runJson(run));
  else print(`Started ${run.id} in the background.\n  winnow show ${run.id}\n  winnow logs ${run.id} --follow`);
}

export const addRun: AddCommand = (program, context) => {
  withSet(withStart(program.command('run <spec>')))
    .description('run a spec (a *.winnow.json file)')
    .action(async (file: string, options: StartOptions & SetOption) => {
      const spec = await loadSpec(file, context.registry, options.set?.map(parseOverride));
      await start(await createRun(spec, options.runsDir, context.targets.standard.name), context, options);
    });
};

export const addResume: AddCommand = (program, context) => {
  withStart(program.command('resume <run>'))
    .description('continue a run from its last checkpoint')
    .option('--allow-changed', 'continue although model or data changed since')
    .action(async (reference: string, options: StartOptions & { allowChanged?: true }) => {
      const dir = await new RunStore(options.runsDir).find(reference);
      const { record, state } = await readSummary(dir);
      if (state === 'done')
        throw new UserError('run.finished', `The run ${record.id} is done.`, 'To repeat it, use "winnow rerun".');
      await checkResumable(record, context.registry, { allowChanged: options.allowChanged ?? false });
      await start(dir, context, options);
    });
};

export const addRerun: AddCommand = (program, context) => {
  withStart(program.command('rerun <run>'))
    .description('repeat a run: same settings, seed and device, as a new run')
    .option('--allow-changed', 'repeat it although model or data changed since')
    .action(async (reference: string, options: StartOptions & { allowChanged?: true }) => {
      const { record, status } = await readSummary(await new RunStore(options.runsDir).find(reference));
      const dir = await createRerun(record, options.runsDir, context.registry, {
        allowChanged: options.allowChanged ?? false,
        ...(status.attempt > 0 && { device: status.device }),
      });
      await start(dir, context, options);
    });
};

export const addPlan: AddCommand = (program, context) => {
  withSet(withJson(program.command('plan <spec>')))
    .description('what a spec would do and cost; starts nothing (<spec>: a file, or - for standard input)')
    .option('--file <path>', 'the file that the text of standard input is, or will be, saved in', 'stdin.winnow.json')
    .action(async (file: string, options: JsonOption & SetOption & { readonly file: string }) => {
      const overrides = options.set?.map(parseOverride);
      const spec =
        file === '-'
          ? parseSpec(await text(process.stdin), options.file, context.registry, overrides)
          : await loadSpec(file, context.registry, overrides);
      const plan = await planSpec(spec);
      if (options.json) {
        printJson({ spec: spec.resolved, plan });
        return;
      }
      print(`${spec.resolved.name}: ${spec.method.title}\n`);
      for (const [index, stage] of plan.stages.entries()) print(`${String(index + 1).padStart(3)}. ${stage}`);
      const rows: [string, string][] = [];
      if (plan.seconds !== undefined) rows.push(['time', `about ${duration(plan.seconds)}`]);
      if (plan.tokens !== undefined) rows.push(['tokens', number(plan.tokens)]);
      if (plan.images !== undefined) rows.push(['images', number(plan.images)]);
      if (plan.samples !== undefined) rows.push(['samples', number(plan.samples)]);
      if (plan.memoryBytes !== undefined) rows.push(['memory', `about ${formatBytes(plan.memoryBytes)}`]);
      if (plan.diskBytes !== undefined) rows.push(['disk', `about ${formatBytes(plan.diskBytes)}`]);
      if (rows.length > 0) print(`\n${fields(rows)}`);
    });
};
