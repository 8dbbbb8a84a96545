import { Presets, SingleBar } from 'cli-progress';
import type { StoredEvent } from '../protocol/events';
import { LastValues, type LastValue } from '../experiments/run/last-values';
import { color, cut, duration, lastMetrics, metrics, number } from './output';
import { write } from './terminal';

/** Time between two plain lines of numbers where there is no terminal to draw a bar on, milliseconds. */
const PLAIN_INTERVAL = 10_000;
/** Columns of the bar; on 80 columns it leaves room for the rate, the time left and a metric. */
const BAR_WIDTH = 16;

/** Shows the events of a run while it runs. */
export interface Reporter {
  event(event: StoredEvent): void;
  line(text: string): void;
  /** Takes the bar away and shows the numbers that are still to be shown. */
  end(): void;
}

export const silent: Reporter = { event: () => undefined, line: () => undefined, end: () => undefined };

/** A bar on a terminal, plain lines elsewhere; both on the stream given. */
export const reporterFor = (stream: NodeJS.WriteStream): Reporter =>
  stream.isTTY ? new BarReporter(stream) : new PlainReporter(stream);

type Progress = Extract<StoredEvent, { type: 'progress' }>;
type Metrics = Extract<StoredEvent, { type: 'metrics' }>;

/** What both show as a line of its own; undefined for what they show in their own ways. */
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

/** Rate and time left: the method's own rate, or the one seen since its count of this total began. */
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

/** The last values of the phase that a run is in. */
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
    if (line !== undefined) this.line(cut(line, this.stream.columns));
    if (event.type === 'metrics') this.#metrics = metrics(this.#series.of(event).values);
    if (event.type === 'progress') this.#draw(event);
  }

  #draw(event: Progress): void {
    // The time left first: what does not fit is cut.
    const shown = [this.#pace.of(event), event.label, this.#metrics].filter(Boolean).join('  ');
    // The bar is drawn by a library, past `write`: what it is given is printable already.
    const text = cut(shown, Math.max(20, this.stream.columns - BAR_WIDTH - 7));
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
