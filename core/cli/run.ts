import { text } from 'node:stream/consumers';
import * as l10n from '@vscode/l10n';
import type { Command } from 'commander';
import type { ComputeTarget } from '../compute/target';
import { UserError } from '../errors';
import { formatBytes } from '../protocol/format';
import { specOf } from '../experiments/run/launch';
import { describeMemory, memoryProblem } from '../experiments/planned-memory';
import { loadSpec, parseOverride, parseSpec, type Spec } from '../experiments/spec/spec';
import { readSummary, RunStore } from '../experiments/library/store';
import type { AddCommand, CliContext } from './context';
import { runAttached } from './follow';
import { color, duration, fields, nameOfFolder, number, print, printJson } from './output';
import { resultsOf } from './results';
import { tellRenamed } from './renamed';
import { collect, withRuns, type RunsOption } from './run-options';
import { oneLine } from '../terminal-text';
import { runJson } from './run-json';

interface StartOptions extends RunsOption {
  readonly detach?: true;
}
interface SetOption {
  readonly set?: string[];
}
interface OnOption {
  readonly on?: string;
}

const withStart = (command: Command) =>
  withRuns(command).option('-d, --detach', 'start it in the background and return at once');
const withSet = (command: Command) =>
  command.option('--set <key=value>', 'replace a value of the spec (may be repeated)', collect);

const withOn = (command: Command) =>
  command.option('--on <target>', 'the machine to run on: a remote, or "local" (default: what the spec says)');

/** The machine that a spec is to run on. */
const targetFor = ({ target }: Spec, { on }: OnOption, { targets }: CliContext): Promise<ComputeTarget> =>
  targets.get(on ?? target ?? targets.standard.name);

/** Starts a run's worker, in the background or followed, and sets the exit code. */
async function start(dir: string, { targets }: CliContext, options: StartOptions): Promise<void> {
  const json = options.json ?? false;
  const target = await targets.of(dir);
  if (!options.detach) {
    const run = await readSummary(dir);
    if (!json) print(`${nameOfFolder(run)}  ${oneLine(run.record.spec.name)}`);
    process.exitCode = await runAttached(dir, target, json);
    return;
  }
  await target.submit(dir);
  const run = await readSummary(dir);
  if (json) printJson(runJson(run));
  else if (run.state === 'pending')
    print(
      `${nameOfFolder(run)} waits for its turn${run.status.reason ? `: ${oneLine(run.status.reason.message)}` : ''}.\n  winnow show ${nameOfFolder(run)}\n  ${target === targets.standard ? 'winnow queue' : 'winnow sync --follow'}`,
    );
  else if (target === targets.standard)
    print(
      `Started ${nameOfFolder(run)} in the background.\n  winnow show ${nameOfFolder(run)}\n  winnow logs ${nameOfFolder(run)} --follow`,
    );
  else
    print(
      `Started ${nameOfFolder(run)} on ${target.name}.\n  winnow show ${nameOfFolder(run)}\n  winnow sync --follow`,
    );
}

export const addRun: AddCommand = (program, context) => {
  withOn(withSet(withStart(program.command('run <spec>'))))
    .description('run a spec (a *.winnow.json file)')
    .addHelpText(
      'after',
      '\nCtrl-C stops the run after a checkpoint. When the terminal closes, or nobody reads the output any more\n(winnow run … | head), the run goes on in the background: "winnow list" shows it, "winnow stop <run>"\nstops it.',
    )
    .action(async (file: string, options: StartOptions & SetOption & OnOption) => {
      const spec = await loadSpec(file, context.registry, options.set?.map(parseOverride));
      if (!options.json) tellRenamed(spec);
      const target = await targetFor(spec, options, context);
      await start(await target.create(spec, options.runsDir), context, options);
    });
};

export const addResume: AddCommand = (program, context) => {
  withStart(program.command('resume <run>'))
    .description('continue a run from its last checkpoint')
    .option('--allow-changed', 'continue even if the model or data has changed since')
    .action(async (reference: string, options: StartOptions & { allowChanged?: true }) => {
      const dir = await new RunStore(options.runsDir).find(reference);
      const { record, state } = await readSummary(dir);
      // Without its results, its trials are collected again.
      if (state === 'done' && (await resultsOf(dir, state)).problem?.code !== 'results.unreadable')
        throw new UserError(
          'run.finished',
          l10n.t`The run ${record.id} is done.`,
          l10n.t('Use "winnow rerun" to run it again.'),
        );
      const target = await context.targets.of(dir);
      await target.checkResumable(dir, { allowChanged: options.allowChanged ?? false });
      await start(dir, context, options);
    });
};

export const addRerun: AddCommand = (program, context) => {
  withOn(withStart(program.command('rerun <run>')))
    .description('rerun a run: same settings, seed and device, as a new run')
    .option('--allow-changed', 'rerun it even if the model or data has changed since')
    .action(async (reference: string, options: StartOptions & OnOption & { allowChanged?: true }) => {
      const from = await new RunStore(options.runsDir).find(reference);
      const { record, status } = await readSummary(from);
      const target = options.on === undefined ? await context.targets.of(from) : await context.targets.get(options.on);
      const spec = specOf(record, context.registry, status.attempt > 0 ? status.device : undefined);
      const dir = await target.create(spec, options.runsDir, { record, allowChanged: options.allowChanged ?? false });
      await start(dir, context, options);
    });
};

export const addPlan: AddCommand = (program, context) => {
  withOn(withSet(withRuns(program.command('plan <spec>'))))
    .description('what a spec would do and cost; starts nothing (<spec>: a file, or - for standard input)')
    .option('--file <path>', 'the path at which the spec on standard input is or will be saved', 'stdin.winnow.json')
    .action(async (file: string, options: RunsOption & SetOption & OnOption & { readonly file: string }) => {
      const overrides = options.set?.map(parseOverride);
      const spec =
        file === '-'
          ? parseSpec(await text(process.stdin), options.file, context.registry, overrides)
          : await loadSpec(file, context.registry, overrides);
      if (!options.json) tellRenamed(spec);
      const plan = await (await targetFor(spec, options, context)).plan(spec, options.runsDir);
      if (options.json) {
        printJson({ spec: spec.resolved, plan, renamed: spec.renamed });
        return;
      }
      print(`${spec.resolved.name}: ${spec.method.title}\n`);
      for (const [index, stage] of plan.stages.entries()) print(`${String(index + 1).padStart(3)}. ${stage}`);
      const rows: [string, string][] = [];
      if (plan.seconds !== undefined) rows.push(['time', `about ${duration(plan.seconds)}`]);
      if (plan.tokens !== undefined) rows.push(['tokens', `about ${number(plan.tokens)}`]);
      if (plan.images !== undefined) rows.push(['images', `about ${number(plan.images)}`]);
      if (plan.samples !== undefined) rows.push(['samples', `about ${number(plan.samples)}`]);
      if (plan.memory) rows.push(['memory', describeMemory(plan.memory)]);
      if (plan.diskBytes !== undefined) rows.push(['disk', `about ${formatBytes(plan.diskBytes)}`]);
      if (rows.length > 0) print(`\n${fields(rows)}`);
      const problem = plan.memory && memoryProblem(plan.memory);
      for (const warning of [...(plan.warnings ?? []), ...(problem ? [problem.message] : [])])
        print(`\n${color('yellow', 'warning')}: ${warning}`);
    });
};
