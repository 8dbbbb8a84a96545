import type { RunEvent, StoredEvent } from './events';

type Stored<Type extends RunEvent['type']> = Extract<StoredEvent, { type: Type }>;

/** Latest by name, in the order of their first appearance. */
type ByName<Type extends RunEvent['type']> = ReadonlyMap<string, Stored<Type>>;

/**
 * What the events of a run add up to. A run that was cut and resumed has done the steps since its last checkpoint
 * twice; the repetition has the same bits, so the later attempt's line replaces the earlier one's:
 * - metrics: a line of a later attempt drops what earlier attempts wrote in the same phase for later steps, and for the
 *   same step and metric names;
 * - checkpoints and artifacts: the last line of a name counts; phases: the first, which is when the phase began;
 * - notes: a later attempt's note with the same text as an earlier attempt's is the same note; states are all kept.
 */
export class RunHistory {
  readonly #metrics = new Map<string, Stored<'metrics'>[]>();
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
        const series = this.#metrics.get(event.phase ?? '');
        if (series) {
          dropRepeated(series, event);
          series.push(event);
        } else this.#metrics.set(event.phase ?? '', [event]);
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

  /** Metric lines by phase (`''` where a method has none), each in the order of its steps. */
  get metrics(): ReadonlyMap<string, readonly Stored<'metrics'>[]> {
    return this.#metrics;
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

  /** What the run is judged by: its result, or the latest metrics line while it has none. */
  get last(): Stored<'metrics'> | undefined {
    return this.#result ? asMetrics(this.#result) : this.#last;
  }
}

export const asMetrics = (result: Stored<'result'>): Stored<'metrics'> => ({ ...result, type: 'metrics' });

function dropRepeated(series: Stored<'metrics'>[], by: Stored<'metrics'>): void {
  const earlier = (line: Stored<'metrics'> | undefined) => line !== undefined && line.attempt < by.attempt;
  while (earlier(series.at(-1)) && series.at(-1)!.step > by.step) series.pop();
  // One step may have several lines (training, then evaluation); only the one with the same names is the same line.
  for (let i = series.length - 1; earlier(series[i]) && series[i]!.step === by.step; i--)
    if (Object.keys(by.values).some((name) => name in series[i]!.values)) series.splice(i, 1);
}
