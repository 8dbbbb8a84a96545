import type { GpuSample, SystemSample } from './system';

/** The quantities that are recorded, in the order in which they are shown. */
export const SYSTEM_METRICS = [
  'cpu.run',
  'cpu.machine',
  'memory.run',
  'memory.machine',
  'gpu.use',
  'gpu.memory',
  'gpu.temperature',
  'gpu.power',
  'disk.read',
  'disk.written',
  'disk.free',
] as const;
export type SystemMetric = (typeof SYSTEM_METRICS)[number];

export type SystemUnit = '%' | '% of a core' | 'bytes' | 'bytes/s' | '°C' | 'W';

const perGpu = (unit: SystemUnit, of: (gpu: GpuSample) => number | undefined) => ({ unit, gpu: of });
const perRun = (unit: SystemUnit, of: (sample: SystemSample) => number | undefined) => ({ unit, run: of });

/** Where a quantity is in a sample, and in what unit: of each GPU, or of the run and its machine. */
const PLACES: Record<SystemMetric, ReturnType<typeof perGpu> | ReturnType<typeof perRun>> = {
  'cpu.run': perRun('% of a core', ({ cpu }) => cpu.run),
  'cpu.machine': perRun('%', ({ cpu }) => cpu.machine),
  'memory.run': perRun('bytes', ({ memory }) => memory.run),
  'memory.machine': perRun('bytes', ({ memory }) => memory.used),
  'gpu.use': perGpu('%', ({ use }) => use),
  'gpu.memory': perGpu('bytes', ({ memory }) => memory),
  'gpu.temperature': perGpu('°C', ({ temperature }) => temperature),
  'gpu.power': perGpu('W', ({ power }) => power),
  'disk.read': perRun('bytes/s', ({ disk }) => disk.read),
  'disk.written': perRun('bytes/s', ({ disk }) => disk.written),
  'disk.free': perRun('bytes', ({ disk }) => disk.free),
};

export const unitOf = (metric: SystemMetric): SystemUnit => PLACES[metric].unit;

/** The values of one quantity, in their order; the arrays have the same length. */
export interface SystemSeries {
  readonly metric: SystemMetric;
  /** The GPU that it is of; absent for what is not of a GPU. */
  readonly gpu?: { readonly index: number; readonly name: string };
  /** Milliseconds since 1970. */
  readonly times: readonly number[];
  readonly values: readonly number[];
  /** The time that each value stands for: seconds since the one before it in the same attempt; 0 for the first. */
  readonly seconds: readonly number[];
  /** Indices of values with nothing known before them: an attempt begins, or the machine was asleep. */
  readonly breaks: readonly number[];
}

/** The series in some samples of a run, by quantity and GPU. There is none of what was never known. */
export function seriesOf(samples: readonly SystemSample[]): SystemSeries[] {
  const gpus = new Map<number, string>();
  for (const sample of samples) for (const { index, name } of sample.gpus ?? []) gpus.set(index, name);
  const indices = [...gpus.keys()].sort((a, b) => a - b);
  return SYSTEM_METRICS.flatMap((metric): SystemSeries[] => {
    const place = PLACES[metric];
    const all =
      'run' in place
        ? [{ metric, ...collect(samples, place.run) }]
        : indices.map((index) => ({
            metric,
            gpu: { index, name: gpus.get(index) ?? '' },
            ...collect(samples, (sample) => {
              const gpu = sample.gpus?.find((one) => one.index === index);
              return gpu && place.gpu(gpu);
            }),
          }));
    return all.filter(({ values }) => values.length > 0);
  });
}

/** Wall time that may pass between two values besides what the samples tell of, milliseconds: more is a gap. */
const GAP = 10_000;

function collect(samples: readonly SystemSample[], of: (sample: SystemSample) => number | undefined) {
  const times: number[] = [];
  const values: number[] = [];
  const seconds: number[] = [];
  const breaks: number[] = [];
  let attempt = 0;
  /** The time of the last value in this attempt, and the seconds since then. */
  let last: number | undefined;
  let passed = 0;
  for (const sample of samples) {
    if (sample.attempt !== attempt) [attempt, last, passed] = [sample.attempt, undefined, 0];
    passed += sample.over ?? 0;
    const value = of(sample);
    if (value === undefined) continue;
    if (last === undefined || sample.time - last > passed * 1000 + GAP) breaks.push(values.length);
    last = sample.time;
    times.push(sample.time);
    values.push(value);
    seconds.push(passed);
    passed = 0;
  }
  return { times, values, seconds, breaks };
}

/** Numbers of one series. */
export interface SystemNumbers {
  /** Over time. */
  readonly mean: number;
  readonly max: number;
  readonly last: number;
  /** The sum over time: of a rate, the amount. */
  readonly sum: number;
}

export function numbersOf({ values, seconds }: Pick<SystemSeries, 'values' | 'seconds'>): SystemNumbers {
  const time = seconds.reduce((sum, one) => sum + one, 0);
  const sum = values.reduce((all, value, i) => all + value * seconds[i]!, 0);
  const mean = time > 0 ? sum / time : values.reduce((all, value) => all + value, 0) / values.length;
  return { mean, max: values.reduce((max, value) => Math.max(max, value), -Infinity), last: values.at(-1) ?? NaN, sum };
}
