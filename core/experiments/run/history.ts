import type { RunEvent, StoredEvent } from '../../protocol/events';
import { LastValues } from './last-values';

type Stored<Type extends RunEvent['type']> = Extract<StoredEvent, { type: Type }>;

/** Latest by name, in the order of their first appearance. */
type ByName<Type extends RunEvent['type']> = ReadonlyMap<string, Stored<Type>>;

/**
 * What the events of a run add up to. A run that was cut and resumed has done the steps since its last checkpoint
 * twice; the repetition has the same bits, so the later attempt's line replaces the earlier one's:
 * - metrics: a line of a later attempt drops the lines of earlier attempts in the same phase that have one of its metrics,
 *   from its step on; those of other metrics stay until they are repeated, for not every metric is written at once;
 * - checkpoints and artifacts: the last line of a name counts; phases: the first, which is when the phase began;
 * - notes: a later attempt's note with the same text as an earlier attempt's is the same note; states are all kept.
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

  /** Takes further events, in file order. */
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

  /** Metric lines by phase (`''` where a method has none), in the order in which they were written. */
  get metrics(): ReadonlyMap<string, readonly Stored<'metrics'>[]> {
    return new Map([...this.#metrics].map(([phase, { lines }]) => [phase, lines]));
  }

  /** How many lines of a phase were dropped so far: when that changes, what was read of it before is not what there is. */
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

  /** The headline of the run: its result, or while it has none, the last values of the latest phase, under its last step. */
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
  /** By metric: the highest step of its lines of this attempt, and of those that earlier ones left. */
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
