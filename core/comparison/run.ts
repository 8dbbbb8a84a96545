import { existsSync } from 'node:fs';
import * as l10n from '@vscode/l10n';
import type * as z from 'zod';
import { UserError } from '../errors';
import type { RunContext } from '../experiments/method';
import { makeFolder, recoverWrites, remove } from '../files';
import type { Results } from '../protocol/results';
import { forgetTraining } from '../training/last';
import { readOldRun, removeOldRun } from './old-tradeoff';
import { writeResults } from './results-file';
import { describeResults } from './results-table';
import { timeVariants, type Clock } from './speed/clock';
import { SPEED, type VariantTimes } from './speed/times';
import type { DoneTrial, Trial, Workplace } from './trial';
import { TrialFiles } from './trial-files';

/** What a comparison has come to so far. */
export interface Collected<Outcome> {
  /** In the order of the comparison, whatever the order in which they were done. */
  readonly trials: readonly DoneTrial<Outcome>[];
  readonly times: readonly VariantTimes[];
}

/** The trials of a run, and what they come to together. */
export interface Comparison<Outcome extends object> {
  readonly context: RunContext;
  /** In the order in which a whole run does them: one that another starts from comes before it. */
  readonly trials: readonly Trial<Outcome>[];
  /** The content of a trial's file. */
  readonly outcome: z.ZodType<Outcome>;
  /** Times the variants when all are trained; undefined where speed is left out. */
  readonly clock?: Clock | undefined;
  readonly results: (collected: Collected<Outcome>) => Results;
  /** The headline of the run in lists. */
  readonly headline: (collected: Collected<Outcome>) => Headline | undefined;
}

export interface Headline {
  readonly phase?: string;
  readonly step: number;
  readonly values: Readonly<Record<string, number>>;
}

/**
 * Does the trials that are still to be done, and collects all of them into `artifacts/results.json` after each. With
 * `context.trial`, does that one alone and writes nothing but its file.
 * @throws UserError `trial.*`, `file.damaged`, `disk.*`; the signal's reason
 */
export async function runComparison<Outcome extends object>(comparison: Comparison<Outcome>): Promise<void> {
  const { context, trials, clock } = comparison;
  const files = await TrialFiles.open(context.dir, comparison.outcome);
  if (context.trial !== undefined) {
    await runAlone(comparison, files, context.trial);
    return;
  }
  await files.recover();
  const adopted = await adoptOldRun(comparison, files);
  const done = new Map<string, DoneTrial<Outcome>>();
  for (const { name } of trials) {
    const found = await files.read(name);
    if (found) done.set(name, found);
  }
  let times = await files.readTimes();
  const collect = (): Collected<Outcome> => ({ trials: trials.flatMap(({ name }) => done.get(name) ?? []), times });
  const publish = () => writeResults(context, comparison.results(collect()));
  if (done.size > 0) await publish();
  if (adopted) await removeOldRun(context.artifactsDir);

  for (const trial of trials) {
    if (done.has(trial.name)) continue;
    context.signal.throwIfAborted();
    const outcome = await trial.run(await workplaceOf(context, files, trial.name));
    done.set(trial.name, await files.write(trial.name, trial, outcome));
    await publish();
  }
  if (clock)
    await timeVariants(clock, context, times, async (now) => {
      times = now;
      await files.writeTimes(times);
      await publish();
    });
  await forgetTraining(context);
  await files.removeScratch();
  const collected = collect();
  for (const line of describeResults(comparison.results(collected))) context.log(line);
  const headline = comparison.headline(collected);
  if (headline) context.emit({ type: 'result', ...headline, values: { ...headline.values } });
}

/** A trial that was started alone is resumed where it was interrupted. */
async function workplaceOf<Outcome extends object>(
  context: RunContext,
  files: TrialFiles<Outcome>,
  name: string,
): Promise<Workplace> {
  const scratch = files.scratchOf(name);
  if (!existsSync(scratch)) return { context, training: context };
  await recoverWrites(scratch);
  return { context, training: { ...context, checkpointsDir: scratch } };
}

/** @throws UserError `trial.unknown`, `trial.too-early` */
async function runAlone<Outcome extends object>(
  { context, trials, clock }: Comparison<Outcome>,
  files: TrialFiles<Outcome>,
  name: string,
): Promise<void> {
  if (name === SPEED && clock) {
    await timeVariants(clock, context, await files.readTimes(), (times) => files.writeTimes(times));
    return;
  }
  const trial = trials.find((one) => one.name === name);
  if (!trial) {
    const names = [...trials.map((one) => one.name), ...(clock ? [SPEED] : [])];
    throw new UserError(
      'trial.unknown',
      l10n.t`This run has no trial "${name}".`,
      l10n.t`Its trials are: ${names.join(', ')}.`,
    );
  }
  if (await files.read(name)) {
    context.log(`${name} is done already.`);
    return;
  }
  const { after } = trial;
  if (after !== undefined && !files.has(after))
    throw new UserError(
      'trial.too-early',
      l10n.t`The trial ${name} starts from what ${after} makes, which is not done yet.`,
      l10n.t`Run ${after} first.`,
    );
  const scratch = files.scratchOf(name);
  await makeFolder(scratch);
  await files.write(name, trial, await trial.run(await workplaceOf(context, files, name)));
  await remove(scratch);
}

/** The trials that an older Winnow had done go into files of their own. @returns whether there were any */
async function adoptOldRun<Outcome extends object>(
  { context, trials, outcome }: Comparison<Outcome>,
  files: TrialFiles<Outcome>,
): Promise<boolean> {
  const old = await readOldRun(context.artifactsDir);
  if (!old) return false;
  for (const trial of trials) {
    const made = old.trials.find(({ variant, seed = trial.seed }) => variant === trial.variant && seed === trial.seed);
    if (made && !files.has(trial.name)) await files.write(trial.name, trial, outcome.parse(made));
  }
  if (old.times.length > 0 && (await files.readTimes()).length === 0) await files.writeTimes(old.times);
  return true;
}
