import * as l10n from '@vscode/l10n';
import { betterOf } from '../../core/protocol/runs';
import type { CurvePart, CurveRun, CurveUpdate } from '../../core/protocol/curves';
import type { SystemSample } from '../../core/protocol/system';

export type XAxis = 'step' | 'time' | 'tokens';

/** The title of an axis. @param runs the shown runs, which may count different units */
export function axisTitle(axis: XAxis, runs: readonly Pick<CurveRun, 'units'>[]): string {
  if (axis !== 'tokens') return axis === 'step' ? l10n.t('Step') : l10n.t('Time');
  const [first = 'tokens', ...others] = new Set(runs.flatMap((run) => run.units ?? []));
  const units = others.reduce((all, unit) => l10n.t`${all} or ${unitName(unit)}`, unitName(first));
  return units.charAt(0).toUpperCase() + units.slice(1);
}

/** A method names its units in English; one of its own stays as it is. */
function unitName(unit: string): string {
  switch (unit) {
    case 'tokens':
      return l10n.t('tokens');
    case 'images':
      return l10n.t('images');
    case 'samples':
      return l10n.t('samples');
    default:
      return unit;
  }
}

/** A growing array of numbers. */
class Column {
  #data = new Float64Array(64);
  #length = 0;

  /** Replaces everything from an index on. */
  set(from: number, values: Float64Array): void {
    const length = from + values.length;
    if (length > this.#data.length) {
      const grown = new Float64Array(2 ** Math.ceil(Math.log2(length)));
      grown.set(this.#data.subarray(0, this.#length));
      this.#data = grown;
    }
    this.#data.set(values, from);
    this.#length = length;
  }

  get values(): Float64Array {
    return this.#data.subarray(0, this.#length);
  }
}

interface Stored {
  readonly steps: Column;
  readonly times: Column;
  readonly tokens: Column;
  readonly values: Column;
}

/** One metric of one run, with its phases one after another, as the chart draws it. */
export interface Line {
  readonly runDir: string;
  readonly metric: string;
  /** Ascending; same length as `values`. */
  readonly x: Float64Array;
  /** Raw values, including NaN and infinities. */
  readonly values: Float64Array;
  /** Step of each point within its phase. */
  readonly steps: Float64Array;
  /** Indices at which a phase begins; the line is interrupted there. */
  readonly breaks: readonly number[];
}

/** Where a phase of a run begins on the axis. */
export interface PhaseMark {
  readonly runDir: string;
  readonly title: string;
  readonly x: number;
}

/** All data sent by the host. */
export class CurveStore {
  runs: readonly CurveRun[] = [];
  readAt = 0;
  /** What each run and its machine used; another map when there is more. */
  system: ReadonlyMap<string, readonly SystemSample[]> = new Map();
  readonly #stored = new Map<string, Stored>();
  readonly #metrics = new Set<string>();
  readonly #phases = new Map<string, Set<string>>();

  apply({ runs, parts, system, readAt }: CurveUpdate): void {
    this.runs = runs;
    this.readAt = readAt;
    for (const part of parts) this.#put(part);
    for (const { runDir, from, samples } of system) {
      const known = this.system.get(runDir) ?? [];
      this.system = new Map([...this.system, [runDir, [...known.slice(0, from), ...samples]]]);
    }
  }

  clear(): void {
    this.#stored.clear();
    this.#metrics.clear();
    this.#phases.clear();
    this.system = new Map();
  }

  /** Names of all metrics: first those with a known better direction, then the others. */
  get metrics(): string[] {
    const unclear = (metric: string) => Number(betterOf(metric) === undefined);
    return [...this.#metrics].sort((a, b) => unclear(a) - unclear(b) || a.localeCompare(b, 'en', { numeric: true }));
  }

  /** The line of a metric for each run that has it. */
  lines(metric: string, axis: XAxis): Line[] {
    return this.runs.map((run) => this.#line(run, metric, axis)).filter((line) => line !== undefined);
  }

  /** The start of each phase that has points of the metric. */
  phases(metric: string, axis: XAxis): PhaseMark[] {
    return this.runs.flatMap((run) => {
      let offset = 0;
      return this.#phasesOf(run).flatMap((phase): PhaseMark[] => {
        const stored = this.#stored.get(keyOf(run.runDir, phase.name, metric));
        const start = axis === 'time' ? (phase.time - startOf(run)) / 1000 : offset;
        offset += this.#span(run.runDir, phase.name, axis);
        return stored ? [{ runDir: run.runDir, title: phase.title, x: start }] : [];
      });
    });
  }

  #put({ runDir, phase, metric, from, steps, times, tokens, values }: CurvePart): void {
    this.#metrics.add(metric);
    const phases = this.#phases.get(runDir) ?? new Set();
    this.#phases.set(runDir, phases.add(phase));
    const key = keyOf(runDir, phase, metric);
    const stored = this.#stored.get(key) ?? {
      steps: new Column(),
      times: new Column(),
      tokens: new Column(),
      values: new Column(),
    };
    stored.steps.set(from, steps);
    stored.times.set(from, times);
    stored.tokens.set(from, tokens);
    stored.values.set(from, values);
    this.#stored.set(key, stored);
  }

  /** The phases of a run in order. Points may arrive before the event that their phase has begun. */
  #phasesOf(run: CurveRun): { name: string; title: string; time: number }[] {
    const known = new Set(run.phases.map(({ name }) => name));
    const others = [...(this.#phases.get(run.runDir) ?? [])].filter((name) => !known.has(name));
    const all = [...run.phases, ...others.map((name) => ({ name, title: name, time: this.#firstTime(run, name) }))];
    return all.sort((a, b) => a.time - b.time);
  }

  #firstTime({ runDir }: CurveRun, phase: string): number {
    for (const metric of this.#metrics) {
      const time = this.#stored.get(keyOf(runDir, phase, metric))?.times.values[0];
      if (time !== undefined) return time;
    }
    return 0;
  }

  /** The length of a phase on an axis that restarts at zero in each phase: the maximum over its metrics. */
  #span(runDir: string, phase: string, axis: XAxis): number {
    let span = 0;
    for (const metric of this.#metrics) {
      const stored = this.#stored.get(keyOf(runDir, phase, metric));
      // Programs may write their steps out of order.
      for (const at of (axis === 'tokens' ? stored?.tokens : stored?.steps)?.values ?? []) if (at > span) span = at;
    }
    return span;
  }

  #line(run: CurveRun, metric: string, axis: XAxis): Line | undefined {
    const parts: Points[] = [];
    let offset = 0;
    for (const phase of this.#phasesOf(run)) {
      const stored = this.#stored.get(keyOf(run.runDir, phase.name, metric));
      if (stored) {
        const { values: steps } = stored.steps;
        const start = startOf(run);
        const at = offset;
        const x =
          axis === 'time'
            ? stored.times.values.map((time) => (time - start) / 1000)
            : (axis === 'tokens' ? stored.tokens : stored.steps).values.map((value) => at + value);
        parts.push(inOrder({ x, values: stored.values.values, steps }));
      }
      offset += this.#span(run.runDir, phase.name, axis);
    }
    if (parts.length === 0) return undefined;
    const breaks: number[] = [];
    let length = 0;
    for (const part of parts) {
      breaks.push(length);
      length += part.x.length;
    }
    const joined = (pick: (part: Points) => Float64Array) => {
      const all = new Float64Array(length);
      for (const [index, part] of parts.entries()) all.set(pick(part), breaks[index]);
      return all;
    };
    const x = joined((part) => part.x);
    // A run that does not count tokens has no points on that axis.
    if (x.every(Number.isNaN)) return undefined;
    return {
      runDir: run.runDir,
      metric,
      x,
      values: joined((part) => part.values),
      steps: joined((part) => part.steps),
      breaks,
    };
  }
}

interface Points {
  readonly x: Float64Array;
  readonly values: Float64Array;
  readonly steps: Float64Array;
}

/** Sorts points along the axis: a program that went back, or evaluated late, wrote them out of order. */
function inOrder(points: Points): Points {
  const { x } = points;
  if (!x.some((at, i) => i > 0 && at < x[i - 1]!)) return points;
  const order = Array.from(x.keys()).sort((a, b) => x[a]! - x[b]!);
  const sorted = (column: Float64Array) => Float64Array.from(order, (at) => column[at]!);
  return { x: sorted(x), values: sorted(points.values), steps: sorted(points.steps) };
}

const keyOf = (runDir: string, phase: string, metric: string) => `${runDir}\n${phase}\n${metric}`;
const startOf = ({ phases }: CurveRun) => phases[0]?.time ?? 0;
