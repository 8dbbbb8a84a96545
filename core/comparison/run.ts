import { existsSync } from 'node:fs';
import * as l10n from '@vscode/l10n';
import type * as z from 'zod';
import { UserError } from '../errors';
import type { RunContext } from '../experiments/method';
import { TRIALS_FAILED, TRIALS_UNFINISHED } from '../experiments/run/trial-folder';
import { makeFolder, recoverWrites } from '../files';
import type { Results } from '../protocol/results';
import { forgetTraining } from '../training/last';
import { readOldRun, removeOldRun } from './old-tradeoff';
import { writeResults } from './results-file';
import { describeResults } from './results-table';
import { timeVariants, type Clock } from './speed/clock';
import { SPEED, type VariantTimes } from './speed/times';
import type { DoneTrial, Trial, Workplace } from './trial';
import { TrialFiles } from './trial-files';

/** The state of a comparison while it runs. */
export interface Collected<Outcome> {
  /** In the order of the comparison, not the order in which they finished. */
  readonly trials: readonly DoneTrial<Outcome>[];
  readonly times: readonly VariantTimes[];
}

/** The trials of a run, and how they are combined. */
export interface Comparison<Outcome extends object> {
  readonly context: RunContext;
  /** In the order of a whole run: a trial comes after the one it starts from. */
  readonly trials: readonly Trial<Outcome>[];
  /** Schema of a trial's file. */
  readonly outcome: z.ZodType<Outcome>;
  /** Measures the speed of the variants when all are trained; undefined if speed is not measured. */
  readonly clock?: Clock | undefined;
  readonly results: (collected: Collected<Outcome>) => Results;
  /** Summary of the run in lists. */
  readonly headline: (collected: Collected<Outcome>) => Headline | undefined;
}

export interface Headline {
  readonly phase?: string;
  readonly step: number;
  readonly values: Readonly<Record<string, number>>;
}

/**
 * Runs the remaining trials, and collects all of them into `artifacts/results.json` after each. With `context.trial`,
 * runs only that trial and writes nothing but its file.
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
  await readDone(comparison, files, done);
  let times = await files.readTimes();
  const collect = (): Collected<Outcome> => ({ trials: trials.flatMap(({ name }) => done.get(name) ?? []), times });
  const publish = () => writeResults(context, comparison.results(collect()));
  if (done.size > 0) await publish();
  if (adopted) await removeOldRun(context.artifactsDir);

  for (const trial of trials) {
    if (done.has(trial.name) || context.collect) continue;
    context.signal.throwIfAborted();
    const outcome = await trial.run(await workplaceOf(context, files, trial.name));
    done.set(trial.name, await files.write(trial.name, trial, outcome));
    await publish();
  }
  if (done.size < trials.length) throw await unfinished(comparison, done);
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

/** Reads the trials that are done and not known to be. */
async function readDone<Outcome extends object>(
  { trials }: Pick<Comparison<Outcome>, 'trials'>,
  files: TrialFiles<Outcome>,
  done: Map<string, DoneTrial<Outcome>>,
): Promise<void> {
  for (const { name } of trials) {
    if (done.has(name)) continue;
    const found = await files.read(name);
    if (found) done.set(name, found);
  }
}

/** Names in a sentence; the log has them all. */
const SHOWN = 5;

/** What is said of trials that were done elsewhere, of which some are not. */
async function unfinished<Outcome extends object>(
  { context, trials }: Comparison<Outcome>,
  done: ReadonlyMap<string, DoneTrial<Outcome>>,
): Promise<UserError> {
  const open = trials.filter(({ name }) => !done.has(name));
  let failed = false;
  const told: string[] = [];
  for (const { name, after } of open) {
    if (after !== undefined && !done.has(after)) {
      context.log(`${name}: it starts from ${after}, which is not done.`);
      continue;
    }
    const why = await context.collect?.(name);
    failed ||= why?.failed ?? false;
    context.log(`${name}: ${why?.message ?? ''}`);
    told.push(`${name}: ${why?.message ?? ''}`);
  }
  const more = told.length > SHOWN ? ` ${l10n.t`${told.length - SHOWN} more: see the log.`}` : '';
  return new UserError(
    failed ? TRIALS_FAILED : TRIALS_UNFINISHED,
    `${l10n.t`${open.length} of ${trials.length} trials are not done.`} ${told.slice(0, SHOWN).join(' ')}${more}`,
    l10n.t('"winnow resume" runs only these; the others are kept.'),
  );
}

/** If the trial was started alone before, it resumes from its own folder. */
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
  comparison: Comparison<Outcome>,
  files: TrialFiles<Outcome>,
  name: string,
): Promise<void> {
  const { context, trials, clock } = comparison;
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
  await forgetTraining({ checkpointsDir: scratch });
  if (context.publishes) await publishShared(comparison, files);
}

/**
 * Writes the results of all trials that are done, while others may do the same: whoever finds that more are done when it has written
 * writes again, so that the last one to write knows them all.
 */
async function publishShared<Outcome extends object>(
  comparison: Comparison<Outcome>,
  files: TrialFiles<Outcome>,
): Promise<void> {
  const { context, trials } = comparison;
  const done = new Map<string, DoneTrial<Outcome>>();
  const times = await files.readTimes();
  await readDone(comparison, files, done);
  for (let written = 0; written < done.size;) {
    written = done.size;
    const collected = { trials: trials.flatMap(({ name }) => done.get(name) ?? []), times };
    await writeResults(context, comparison.results(collected));
    await readDone(comparison, files, done);
  }
}

/** Writes the finished trials of an older Winnow into files of their own. @returns whether there were any */
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
