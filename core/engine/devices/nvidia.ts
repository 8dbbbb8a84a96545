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
