import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { readEvents } from '../../experiments/run/event-log';
import type { RunContext } from '../../experiments/method';
import { runPaths } from '../../experiments/run/directory';
import { CheckpointFinder, type Cut, type NewCheckpoint } from './checkpoints';
import type { CommandConfig, MetricSource } from './config';
import type { HowEnded } from './ended';
import type { Printed } from './program/lines';
import type { Told } from './program/placeholders';
import { listerOf } from './program/told';
import { MissedLines } from './metrics/missed';
import { printedReadings, understandOutput, type LineReader } from './metrics/output';
import { Owners } from './metrics/owners';
import { matchOutput } from './metrics/pattern';
import type { Readings, Reading } from './metrics/readings';
import { Measured } from './metrics/measured';
import { MetricFiles } from './metrics/sources';
import { Neighbors } from './neighbors';

/** Between two progress events, milliseconds. */
const PROGRESS_PAUSE = 1_000;
/** What is searched takes this many times the time of the search as a pause at least. */
const SEARCH_SHARE = 10;

/** One way of reading what the program prints. */
interface OutputSource {
  readonly source: Extract<MetricSource, { from: 'output' }>;
  readonly read: LineReader;
  readonly readings: Readings;
  readonly missed: MissedLines;
}

/** Makes events of what a program prints and writes. */
export class Recorder {
  readonly #context: RunContext;
  readonly #outputs: readonly OutputSource[];
  readonly #files: readonly MetricFiles[];
  readonly #checkpoints: CheckpointFinder;
  readonly #progress: Progress;
  readonly #measured = new Measured();
  /** Where there are several sources. */
  readonly #owners: Owners | undefined;
  #searchAfter = 0;
  #lines = 0;
  #readings = 0;

  constructor(config: CommandConfig, context: RunContext, told: Told) {
    this.#context = context;
    this.#owners = config.metrics.length > 1 ? new Owners(context.dir) : undefined;
    const list = listerOf(config, context, told);
    this.#outputs = config.metrics.flatMap((source) => (source.from === 'output' ? [outputOf(source)] : []));
    this.#files = config.metrics.flatMap((source) =>
      source.from === 'output'
        ? []
        : [
            new MetricFiles(
              source,
              async () => list([source.files], { directories: false }),
              this.#measured,
              context.dir,
            ),
          ],
    );
    this.#checkpoints = new CheckpointFinder(
      async () => list(config.checkpoints, { directories: true }),
      context.dir,
      new Neighbors(path.dirname(context.dir), path.basename(context.dir)),
    );
    this.#progress = new Progress(config.totalSteps, context);
  }

  /**
   * Notes what is there before the program starts: it is not its work.
   * @param cut when the attempt before this one was at work, if it was cut
   * @throws UserError `command.checkpoints-changed`
   */
  async begin(cut?: Cut): Promise<void> {
    const { events } = await readEvents(runPaths(this.#context.dir).events);
    for (const event of events) if (event.type === 'metrics') this.#measured.recall(event.step, event.values);
    await this.#owners?.load();
    for (const files of this.#files) await files.begin();
    this.#found(await this.#checkpoints.begin(this.#measured, cut));
  }

  /** The newest checkpoint, absolute. */
  get latestCheckpoint(): string | undefined {
    return this.#checkpoints.latest;
  }

  /** Takes what the program printed. */
  printed({ text, final, torn }: Printed): void {
    // What a progress bar writes over is no line of the log.
    if (final) this.#context.log(text);
    if (text !== '') this.#lines++;
    // A number may be cut where the line was.
    if (torn) return;
    for (const { source, read, readings, missed } of this.#outputs) {
      const content = read(text, final);
      if (content.progress) this.#progress.told(content.progress);
      missed.take(content, text);
      const reading = content.row && readings.take(content.row);
      if (reading) this.#emit(reading, source);
    }
  }

  /** Says how far it came, and once what could not be read. @param ended whether the program ended well */
  finish(ended: boolean): void {
    this.#progress.finish();
    const trouble = [
      ...this.#files.flatMap((files) => files.trouble()),
      ...this.#outputs.flatMap(({ missed }) => (this.#readings > 0 ? missed.left() : [])),
      ...(this.#owners?.trouble() ?? []),
    ];
    if (this.#readings === 0) trouble.push(...this.#nothing(ended, trouble.length > 0));
    for (const text of new Set(trouble)) {
      this.#context.emit({ type: 'note', text });
      this.#context.log(text);
    }
  }

  /** A program that failed or was stopped early may not have come to its first report. */
  #nothing(ended: boolean, explained: boolean): string[] {
    const outputs = this.#outputs.filter(({ missed }) => ended || missed.any);
    if (this.#outputs.length > 0) return outputs.map(({ source, missed }) => missed.nothing(this.#lines, source));
    if (explained || !ended || this.#files.length === 0) return [];
    const files = this.#files.map(({ source }) => source.files).join(', ');
    return [
      l10n.t`No metrics were recorded: nothing was read from ${files}. Correct "metrics" if the program writes metrics elsewhere.`,
    ];
  }

  /** Reads what the files have by now. @param ended how the program ended, when it is over */
  async look(ended?: HowEnded): Promise<void> {
    if (ended || performance.now() >= this.#searchAfter) {
      const start = performance.now();
      for (const files of this.#files) await files.look();
      await this.#read(ended);
      this.#found(await this.#checkpoints.look(this.#measured, ended));
      const end = performance.now();
      this.#searchAfter = end + SEARCH_SHARE * (end - start);
    } else await this.#read(ended);
  }

  #found(checkpoints: readonly NewCheckpoint[]): void {
    for (const checkpoint of checkpoints) this.#context.emit({ type: 'checkpoint', ...checkpoint });
    for (const text of this.#checkpoints.takeRemarks()) {
      this.#context.log(text);
      this.#context.emit({ type: 'note', text });
    }
  }

  async #read(ended: HowEnded | undefined): Promise<void> {
    for (const files of this.#files) for (const reading of await files.read(ended)) this.#emit(reading, files.source);
    await this.#owners?.save();
  }

  #emit({ step, values: all, tokens }: Reading, source: MetricSource): void {
    this.#readings++;
    const values = this.#owners?.own(source, all) ?? all;
    if (Object.keys(values).length === 0) return;
    this.#context.emit({ type: 'metrics', step, values, ...(tokens !== undefined && { tokens }) });
    this.#measured.add(step, values);
    this.#progress.reached(step);
  }
}

function outputOf(source: OutputSource['source']): OutputSource {
  const { pattern, stepKey } = source;
  const missed = new MissedLines();
  const read = pattern === undefined ? understandOutput(stepKey) : matchOutput(pattern, stepKey);
  return { source, read, readings: printedReadings(), missed };
}

/** How much of how much is done. */
interface Share {
  readonly unit: string;
  readonly done: number;
  readonly total: number;
}

/** How far the program is: by its steps where the spec says how many there are, else by what it prints itself. */
class Progress {
  #emitted = -Infinity;
  #reached = 0;
  /** The unit that the progress is told in: epochs, where a program tells epochs and the steps in each. */
  #unit: string | undefined;
  #first: { readonly done: number; readonly time: number } | undefined;
  /** What came too soon after another. */
  #held: Share | undefined;

  constructor(
    readonly total: number | undefined,
    readonly context: RunContext,
  ) {}

  reached(step: number): void {
    // An evaluation may come late, with an earlier step.
    this.#reached = Math.max(this.#reached, step);
    if (this.total !== undefined)
      this.#emit({ unit: 'steps', done: Math.min(this.#reached, this.total), total: this.total });
  }

  told(progress: Share): void {
    if (this.total !== undefined) return;
    if (this.#unit !== progress.unit) {
      if (this.#unit === 'epochs') return;
      this.#first = undefined;
    }
    this.#unit = progress.unit;
    this.#emit(progress);
  }

  /** Tells what was held back. */
  finish(): void {
    const held = this.#held;
    this.#emitted = -Infinity;
    if (held) this.#emit(held);
  }

  #emit({ unit, done, total }: Share): void {
    const time = performance.now();
    if (!this.#first || done < this.#first.done) this.#first = { done, time };
    this.#held = undefined;
    if (time < this.#emitted + PROGRESS_PAUSE && done < total) {
      this.#held = { unit, done, total };
      return;
    }
    this.#emitted = time;
    const rate = (1000 * (done - this.#first.done)) / (time - this.#first.time);
    this.context.emit({ type: 'progress', unit, done, total, ...(rate > 0 && Number.isFinite(rate) && { rate }) });
  }
}
