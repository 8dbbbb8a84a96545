import type { RunEvent, StoredEvent } from '../../protocol/events';
import { LastValues } from './last-values';

type Stored<Type extends RunEvent['type']> = Extract<StoredEvent, { type: Type }>;

/** The latest event by name, in order of first appearance. */
type ByName<Type extends RunEvent['type']> = ReadonlyMap<string, Stored<Type>>;

/**
 * The accumulated events of a run. An interrupted and resumed run has repeated the steps since its last checkpoint; the
 * repetition has the same bits, so events of the later attempt replace those of earlier ones:
 * - metrics: a line drops the lines of earlier attempts in the same phase that share one of its metrics, from its step on;
 *   lines with other metrics stay until those are repeated, since not all metrics are written together;
 * - checkpoints and artifacts: the last event with a name counts; phases: the first, which is when the phase began;
 * - notes: a note that repeats the text of an earlier attempt's note is the same note; states are all kept.
 */
export class RunHistory {
  readonly #metrics = new Map<string, MetricSeries>();
  readonly #phases = new Map<string, Stored<'phase'>>();
  readonly #checkpoints = new Map<string, Stored<'checkpoint'>>();
  readonly #artifacts = new Map<string, Stored<'artifact'>>();
  readonly #notes: Stored<'note'>[] = [];
  readonly #states: Stored<'state'>[] = [];
  #progress: Stored<'progress'> | undefined;
  #last: Stored<'metrics'> | undefined;
  #result: Stored<'result'> | undefined;

  constructor(events: Iterable<StoredEvent> = []) {
    this.add(events);
  }

  /** Adds events, in file order. */
  add(events: Iterable<StoredEvent>): void {
    for (const event of events) this.#addOne(event);
  }

  #addOne(event: StoredEvent): void {
    switch (event.type) {
      case 'metrics': {
        const phase = event.phase ?? '';
        const series = this.#metrics.get(phase) ?? new MetricSeries();
        this.#metrics.set(phase, series);
        series.add(event);
        this.#last = event;
        break;
      }
      case 'phase':
        if (!this.#phases.has(event.name)) this.#phases.set(event.name, event);
        break;
      case 'checkpoint':
        this.#checkpoints.set(event.name, event);
        break;
      case 'artifact':
        this.#artifacts.set(event.name, event);
        break;
      case 'note':
        if (!this.#notes.some((note) => note.text === event.text && note.attempt < event.attempt))
          this.#notes.push(event);
        break;
      case 'state':
        this.#states.push(event);
        break;
      case 'result':
        this.#result = event;
        break;
      case 'progress':
        this.#progress = event;
        break;
    }
  }

  /** Metric lines by phase (`''` if the method has none), in the order in which they were written. */
  get metrics(): ReadonlyMap<string, readonly Stored<'metrics'>[]> {
    return new Map([...this.#metrics].map(([phase, { lines }]) => [phase, lines]));
  }

  /**
   * Number of lines of a phase that were dropped so far. When it changes, what a caller has read of the phase is outdated.
   */
  dropped(phase: string): number {
    return this.#metrics.get(phase)?.dropped ?? 0;
  }

  get phases(): ByName<'phase'> {
    return this.#phases;
  }

  get checkpoints(): ByName<'checkpoint'> {
    return this.#checkpoints;
  }

  get artifacts(): ByName<'artifact'> {
    return this.#artifacts;
  }

  get notes(): readonly Stored<'note'>[] {
    return this.#notes;
  }

  get states(): readonly Stored<'state'>[] {
    return this.#states;
  }

  get progress(): Stored<'progress'> | undefined {
    return this.#progress;
  }

  /** The headline of the run: its result; before there is one, the last values of the latest phase, under its last step. */
  get last(): Stored<'metrics'> | undefined {
    if (this.#result) return asMetrics(this.#result);
    const lines = this.#last && this.#metrics.get(this.#last.phase ?? '')?.lines;
    return this.#last && { ...this.#last, values: new LastValues(lines).values };
  }
}

export const asMetrics = (result: Stored<'result'>): Stored<'metrics'> => ({ ...result, type: 'metrics' });

/** The metric lines of one phase. */
class MetricSeries {
  lines: Stored<'metrics'>[] = [];
  dropped = 0;
  #attempt = 0;
  /** By metric, the highest step: in the current attempt, and in the earlier ones. */
  #current = new Map<string, number>();
  readonly #earlier = new Map<string, number>();

  add(event: Stored<'metrics'>): void {
    const { attempt, step } = event;
    if (attempt !== this.#attempt) {
      for (const [name, highest] of this.#current) raise(this.#earlier, name, highest);
      this.#current = new Map();
      this.#attempt = attempt;
    }
    const names = Object.keys(event.values);
    const repeated = names.filter((name) => (this.#earlier.get(name) ?? -1) >= step);
    if (repeated.length > 0) {
      const kept = this.lines.filter(
        (line) => line.attempt >= attempt || line.step < step || !repeated.some((name) => name in line.values),
      );
      this.dropped += this.lines.length - kept.length;
      this.lines = kept;
      for (const name of repeated) this.#earlier.set(name, step - 1);
    }
    for (const name of names) raise(this.#current, name, step);
    this.lines.push(event);
  }
}

function raise(highest: Map<string, number>, name: string, step: number): void {
  if (step > (highest.get(name) ?? -1)) highest.set(name, step);
}
