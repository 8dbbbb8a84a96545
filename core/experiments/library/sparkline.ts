import type { Sparkline } from '../../protocol/compare';
import { readEvents } from '../run/event-log';
import { RunHistory } from '../run/history';
import { runPaths } from '../run/directory';

/** Number of pieces that a curve is divided into; each contributes its minimum and maximum. */
const PIECES = 40;

/** The curves of all metrics of a run, reduced to fit a table cell. Phases are joined. @throws UserError `file.*` */
export async function sparklinesOf(runDir: string): Promise<Map<string, Sparkline>> {
  const { events } = await readEvents(runPaths(runDir).events);
  const all = new Map<string, { values: number[]; steps: number[] }>();
  for (const [phase, lines] of new RunHistory(events).metrics) {
    // Evaluations of finished models are single points, not curves.
    if (phase.startsWith('result/')) continue;
    for (const { step, values } of lines)
      for (const [metric, value] of Object.entries(values)) {
        if (!Number.isFinite(value)) continue;
        const series = all.get(metric) ?? { values: [], steps: [] };
        all.set(metric, series);
        series.values.push(value);
        series.steps.push(step);
      }
  }
  return new Map([...all].map(([metric, { values, steps }]) => [metric, sparkline(values, steps)]));
}

function sparkline(values: readonly number[], steps: readonly number[]): Sparkline {
  const least = values.reduce((at, value, index) => (value < values[at]! ? index : at), 0);
  const greatest = values.reduce((at, value, index) => (value > values[at]! ? index : at), 0);
  return {
    points: decimate(values),
    count: values.length,
    first: values[0]!,
    last: values.at(-1)!,
    min: { value: values[least]!, step: steps[least]! },
    max: { value: values[greatest]!, step: steps[greatest]! },
  };
}

function decimate(values: readonly number[]): number[] {
  if (values.length <= 2 * PIECES) return [...values];
  return Array.from({ length: PIECES }, (_, piece) => {
    const part = values.slice(
      Math.floor((piece * values.length) / PIECES),
      Math.floor(((piece + 1) * values.length) / PIECES),
    );
    const [min, max] = [Math.min(...part), Math.max(...part)];
    return part.indexOf(min) < part.indexOf(max) ? [min, max] : [max, min];
  }).flat();
}
