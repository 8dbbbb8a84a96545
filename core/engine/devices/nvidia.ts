import { PROBE_TIMEOUT_MS, runToEnd } from './probe';

/** One NVIDIA GPU, as `nvidia-smi` describes it. What it does not say is missing. */
export interface NvidiaGpu {
  readonly index: number;
  /** As `CUDA_VISIBLE_DEVICES` takes it: `GPU-4d1c…`. */
  readonly uuid: string;
  readonly name: string;
  /** Of the driver: `580.65.06`. */
  readonly driver: string;
  /** Of the hardware: 7.5 for Turing. */
  readonly computeCapability?: number;
  /** Bytes. */
  readonly memory?: { readonly total: number; readonly free: number };
  /** Share of time in which it computed, from 0 to 1. */
  readonly use?: number;
  /** What computes on it now. */
  readonly processes: readonly GpuProcess[];
}

export interface GpuProcess {
  readonly pid: number;
  readonly name: string;
  /** Bytes. */
  readonly memory?: number;
}

export interface Nvidia {
  readonly gpus: readonly NvidiaGpu[];
  /** Why there are none: what was run, and what it said. */
  readonly problem?: string;
}

const GPU_FIELDS = [
  'index',
  'uuid',
  'name',
  'driver_version',
  'compute_cap',
  'memory.total',
  'memory.free',
  'utilization.gpu',
];
const PROCESS_FIELDS = ['gpu_uuid', 'pid', 'process_name', 'used_memory'];
const MIB = 2 ** 20;

/** The NVIDIA GPUs of this machine. */
export async function nvidiaGpus(command = 'nvidia-smi'): Promise<Nvidia> {
  const ask = (query: string) => runToEnd(command, [query, '--format=csv,noheader,nounits'], PROBE_TIMEOUT_MS);
  const [gpus, processes] = await Promise.all([
    ask(`--query-gpu=${GPU_FIELDS.join(',')}`),
    ask(`--query-compute-apps=${PROCESS_FIELDS.join(',')}`),
  ]);
  if (gpus.code !== 0) {
    const [said = ''] = gpus.stdout.trim().split('\n');
    return { gpus: [], problem: said === '' ? gpus.how : `nvidia-smi: ${said}` };
  }
  return { gpus: gpusOf(gpus.stdout, processes.stdout) };
}

/** @param gpus and `processes` are what `nvidia-smi` prints, a line each */
export function gpusOf(gpus: string, processes: string): NvidiaGpu[] {
  const running = rows(processes, PROCESS_FIELDS.length).map(([uuid = '', pid = '', name = '', memory = '']) => ({
    uuid,
    process: { pid: Number(pid), name, ...present({ memory: bytes(memory) }) },
  }));
  return rows(gpus, GPU_FIELDS.length).map(
    ([index, uuid = '', name = '', driver = '', capability, total, free, use]) => {
      const [totalBytes, freeBytes, percent] = [bytes(total), bytes(free), numberOf(use)];
      return {
        index: Number(index),
        uuid,
        name,
        driver,
        ...present({ computeCapability: numberOf(capability), use: percent === undefined ? undefined : percent / 100 }),
        ...(totalBytes !== undefined && freeBytes !== undefined && { memory: { total: totalBytes, free: freeBytes } }),
        processes: running.filter((one) => one.uuid === uuid).map(({ process }) => process),
      };
    },
  );
}

/** What an NVIDIA GPU is doing at the moment. What `nvidia-smi` does not say is missing. */
export interface GpuLoad {
  readonly index: number;
  readonly uuid: string;
  readonly name: string;
  /** Share of the last moments in which it computed, percent. */
  readonly use?: number;
  /** In use by all processes, and in total; bytes. */
  readonly memory?: number;
  readonly total?: number;
  /** Degrees Celsius. */
  readonly temperature?: number;
  /** Watts. */
  readonly power?: number;
}

const LOAD_FIELDS = [
  'index',
  'uuid',
  'name',
  'utilization.gpu',
  'memory.used',
  'memory.total',
  'temperature.gpu',
  'power.draw',
];

/** A GPU that has fallen off the bus can make `nvidia-smi` hang. */
const LOAD_TIMEOUT_MS = 5_000;

/**
 * What the NVIDIA GPUs of this machine are doing: cheaper than `nvidiaGpus`, for asking again and again.
 * @param signal ends the question, which then has no answer
 */
export async function gpuLoads(
  command = 'nvidia-smi',
  signal?: AbortSignal,
): Promise<{ readonly loads: readonly GpuLoad[]; readonly absent?: true; readonly problem?: string }> {
  const args = [`--query-gpu=${LOAD_FIELDS.join(',')}`, '--format=csv,noheader,nounits'];
  const { code, stdout, how, absent } = await runToEnd(command, args, LOAD_TIMEOUT_MS, signal);
  if (code === 0) return { loads: loadsOf(stdout) };
  const [said = ''] = stdout.trim().split('\n');
  return { loads: [], ...(absent && { absent }), problem: said === '' ? how : `nvidia-smi: ${said}` };
}

/** @param text what `nvidia-smi` prints, a line for each GPU */
export const loadsOf = (text: string): GpuLoad[] =>
  rows(text, LOAD_FIELDS.length).map(([index, uuid = '', name = '', use, memory, total, temperature, power]) => ({
    index: Number(index),
    uuid,
    name,
    ...present({
      use: numberOf(use),
      memory: bytes(memory),
      total: bytes(total),
      temperature: numberOf(temperature),
      power: numberOf(power),
    }),
  }));

/**
 * The GPUs that CUDA gives to a program with this environment. CUDA counts them its own way unless it is told to count like
 * `nvidia-smi`, so numbers mean the same only where all GPUs are alike: otherwise all of them are returned.
 */
export function visibleGpus<Gpu extends Pick<GpuLoad, 'index' | 'uuid' | 'name'>>(
  gpus: readonly Gpu[],
  { CUDA_VISIBLE_DEVICES: visible, CUDA_DEVICE_ORDER: order }: NodeJS.ProcessEnv = process.env,
): readonly Gpu[] {
  if (visible === undefined) return gpus;
  const areAlike = order === 'PCI_BUS_ID' || new Set(gpus.map(({ name }) => name)).size === 1;
  const chosen: Gpu[] = [];
  for (const entry of visible.split(',').map((one) => one.trim())) {
    const isNumber = /^\d+$/.test(entry);
    if (isNumber && !areAlike) return gpus;
    // A part of a GPU has an id of its own, which does not say which GPU it is a part of.
    if (entry.startsWith('MIG-')) return gpus;
    const found = gpus.find(({ index, uuid }) =>
      isNumber ? index === Number(entry) : entry.startsWith('GPU-') && uuid.startsWith(entry),
    );
    // CUDA ends the list at the first entry that names no GPU.
    if (!found) break;
    chosen.push(found);
  }
  return chosen;
}

/** Lines with all fields. The name of a process may contain commas: what is too much belongs to it. */
function rows(text: string, fields: number): string[][] {
  return text
    .split('\n')
    .map((line) => line.split(',').map((field) => field.trim()))
    .filter((line) => line.length >= fields)
    .map((line) => [
      ...line.slice(0, 2),
      line.slice(2, line.length - fields + 3).join(', '),
      ...line.slice(line.length - fields + 3),
    ]);
}

/** Undefined for "[N/A]", "[Not Supported]" and the like. */
function numberOf(text = ''): number | undefined {
  const value = Number(text);
  return text === '' || Number.isNaN(value) ? undefined : value;
}

function bytes(mebibytes: string | undefined): number | undefined {
  const value = numberOf(mebibytes);
  return value === undefined ? undefined : value * MIB;
}

/** Without the values that are not there. */
const present = <T extends object>(values: T) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
