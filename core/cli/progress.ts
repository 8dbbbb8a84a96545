import { Presets, SingleBar } from 'cli-progress';
import type { StoredEvent } from '../protocol/events';
import { LastValues, type LastValue } from '../experiments/run/last-values';
import { color, cut, duration, lastMetrics, metrics, number } from './output';
import { widthOf, write } from './terminal';

/** Time between two lines of numbers if there is no terminal for a progress bar, in milliseconds. */
const PLAIN_INTERVAL = 10_000;
/** Width of the bar; in 80 columns it leaves room for the rate, the remaining time and a metric. */
const BAR_WIDTH = 16;

/** Shows the events of a run while it is running. */
export interface Reporter {
  event(event: StoredEvent): void;
  line(text: string): void;
  /** Removes the bar and prints the numbers that have not been shown yet. */
  end(): void;
}

export const silent: Reporter = { event: () => undefined, line: () => undefined, end: () => undefined };

/** A progress bar on a terminal, plain lines elsewhere; both on the given stream. */
export const reporterFor = (stream: NodeJS.WriteStream): Reporter =>
  stream.isTTY ? new BarReporter(stream) : new PlainReporter(stream);

type Progress = Extract<StoredEvent, { type: 'progress' }>;
type Metrics = Extract<StoredEvent, { type: 'metrics' }>;

/** Events that both reporters show as a line; undefined for those that they show differently. */
function lineOf(event: StoredEvent, stream: NodeJS.WriteStream): string | undefined {
  switch (event.type) {
    case 'phase':
      return color('bold', event.title ?? event.name, stream);
    case 'checkpoint':
      return `  checkpoint ${event.name}${event.metrics ? `  ${metrics(event.metrics)}` : ''}`;
    case 'artifact':
      return `  wrote artifacts/${event.name}`;
    case 'note':
      return `  ${event.text}`;
    case 'result':
      return `${color('bold', 'Result', stream)}${event.phase === undefined ? '' : ` of ${event.phase}`}  ${metrics(event.values)}`;
    case 'metrics':
    case 'progress':
    case 'state':
      return undefined;
  }
}

/** Rate and remaining time, from the method's own rate or the one observed since this count began. */
class Pace {
  #first: Progress | undefined;

  of(event: Progress): string {
    const first = this.#first;
    if (first?.total !== event.total || first.label !== event.label || event.done < first.done) this.#first = event;
    else if (event.rate === undefined && event.time > first.time)
      return this.#text(event, ((event.done - first.done) / (event.time - first.time)) * 1000);
    return this.#text(event, event.rate ?? 0);
  }

  #text({ done, total, unit }: Progress, rate: number): string {
    const count = `${number(done)}/${number(total)} ${unit}`;
    return rate > 0 ? `${count}  ${number(rate)} ${unit}/s  ${duration((total - done) / rate)} left` : count;
  }
}

/** The last values of the current phase. */
class Series {
  #phase: string | undefined;
  #last = new LastValues();

  of(event: Metrics): LastValues {
    if (this.#phase !== event.phase) this.#last = new LastValues();
    this.#phase = event.phase;
    this.#last.add(event);
    return this.#last;
  }
}

class BarReporter implements Reporter {
  #bar: SingleBar | undefined;
  #metrics = '';
  readonly #series = new Series();
  readonly #pace = new Pace();

  constructor(readonly stream: NodeJS.WriteStream) {}

  event(event: StoredEvent): void {
    const line = lineOf(event, this.stream);
    if (line !== undefined) this.line(cut(line, widthOf(this.stream)));
    if (event.type === 'metrics') this.#metrics = metrics(this.#series.of(event).values);
    if (event.type === 'progress') this.#draw(event);
  }

  #draw(event: Progress): void {
    // The remaining time comes first, because the end may be truncated.
    const shown = [this.#pace.of(event), event.label, this.#metrics].filter(Boolean).join('  ');
    // A library draws the bar without `write`, so its text must already be printable.
    const text = cut(shown, Math.max(20, widthOf(this.stream) - BAR_WIDTH - 7));
    if (this.#bar) {
      this.#bar.setTotal(event.total);
      this.#bar.update(event.done, { text });
      return;
    }
    this.#bar = new SingleBar(
      {
        format: '{bar} {percentage}% {text}',
        barsize: BAR_WIDTH,
        stream: this.stream,
        clearOnComplete: true,
        hideCursor: true,
        gracefulExit: false,
      },
      Presets.shades_classic,
    );
    this.#bar.start(event.total, event.done, { text });
  }

  line(text: string): void {
    this.end();
    write(`${text}\n`, this.stream);
  }

  end(): void {
    this.#bar?.stop();
    this.#bar = undefined;
  }
}

class PlainReporter implements Reporter {
  #progress: Progress | undefined;
  #metrics: readonly LastValue[] | undefined;
  readonly #series = new Series();
  #shown = Date.now();
  readonly #pace = new Pace();

  constructor(readonly stream: NodeJS.WriteStream) {}

  event(event: StoredEvent): void {
    const line = lineOf(event, this.stream);
    if (line !== undefined) {
      this.#numbers();
      this.line(line);
    }
    if (event.type === 'metrics') this.#metrics = this.#series.of(event).all;
    if (event.type === 'progress') this.#progress = event;
    if (event.time - this.#shown >= PLAIN_INTERVAL) this.#numbers();
  }

  #numbers(): void {
    const [progress, values] = [this.#progress, this.#metrics];
    const parts = [progress?.label, progress && this.#pace.of(progress), values && lastMetrics(values)].filter(Boolean);
    if (parts.length > 0) this.line(`  ${parts.join('  ')}`);
    [this.#progress, this.#metrics, this.#shown] = [undefined, undefined, Date.now()];
  }

  line(text: string): void {
    write(`${text}\n`, this.stream);
  }

  end(): void {
    this.#numbers();
  }
}
