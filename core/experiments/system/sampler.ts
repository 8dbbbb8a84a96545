import { statfs } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import * as l10n from '@vscode/l10n';
import { gpuLoads, visibleGpus, type GpuLoad } from '../../engine/devices/nvidia';
import { messageOf } from '../../errors';
import { encodeSample, SYSTEM_VERSION, type GpuSample, type SystemSample } from '../../protocol/system';
import { AppendFile } from '../run/append-file';
import { isGone, runPaths } from '../run/directory';
import { LeaseLost, type Lease } from '../run/lease';
import { machineElsewhere, ownProcess, PsTree, unknownTree } from './elsewhere';
import { linuxMachine, LinuxTree } from './linux';
import type { MachineUse, TreeReader } from './reading';
import { Pace, pauseAfter } from './schedule';
import { TreeMeter } from './tree-meter';

export interface SamplerOptions {
  /** How long earlier attempts have worked, seconds. */
  readonly worked: number;
  /** The environment of what computes, if the run may compute on GPUs. */
  readonly gpuEnvironment?: NodeJS.ProcessEnv;
  /** The run starts a program of the user's. */
  readonly ownProgram: boolean;
  /** Tells about the first thing that could not be measured or written. */
  readonly note: (text: string) => void;
}

/** A question to `nvidia-smi` that fails this often in a row is not asked again. */
const GPU_PATIENCE = 3;

/** How long the end of a run waits for its last sample, milliseconds: a disk or a program may hang. */
const LAST_WORDS = 2_000;

/** A sample at the end that is closer to the one before it says nothing new, seconds. */
const SHORTEST = 0.25;

/**
 * Records now and then what a run and its machine use, in `system.jsonl`, as long as the run works. It must never hurt the run:
 * what cannot be measured is left out, what cannot be written is lost, and nothing is ever thrown.
 */
export class SystemSampler {
  readonly #began = seconds();
  readonly #tree: TreeReader;
  readonly #meter = new TreeMeter();
  readonly #pace = new Pace();
  readonly #gpuPace = new Pace();
  readonly #stop = new AbortController();
  #file: AppendFile | undefined;
  #timer: NodeJS.Timeout | undefined;
  #noted = false;
  #over = false;
  /** When the sample before was taken, seconds, and what the processor had done by then. */
  #last: { readonly at: number; readonly processor: MachineUse['processor'] } | undefined;
  #gpuFailures = 0;
  #sampling: Promise<void> = Promise.resolve();

  constructor(
    readonly lease: Pick<Lease, 'dir' | 'attempt' | 'check'>,
    readonly options: SamplerOptions,
  ) {
    this.#tree = treeOf(options);
    if (!options.gpuEnvironment) this.#gpuFailures = GPU_PATIENCE;
    this.#sampling = this.#sample();
  }

  /** Takes a last sample. Nothing is written after it. */
  async end(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stop.abort();
    const last = async () => {
      await this.#sampling;
      if (this.#last === undefined || seconds() - this.#last.at >= SHORTEST) await this.#take();
    };
    await Promise.race([last(), sleep(LAST_WORDS, undefined, { ref: false })]);
    this.#over = true;
    try {
      this.#file?.close();
    } catch {
      // The disk is gone: there is nothing to save.
    }
  }

  #isEnding(): boolean {
    return this.#over || this.#stop.signal.aborted;
  }

  async #sample(): Promise<void> {
    await this.#take();
    if (this.#isEnding()) return;
    const now = seconds();
    const pause = pauseAfter(this.options.worked + now - this.#began);
    const delay = Math.max(pause, this.#pace.next - now);
    // It must not keep the process alive.
    this.#timer = setTimeout(() => {
      this.#sampling = this.#sample();
    }, delay * 1000).unref();
  }

  async #take(): Promise<void> {
    try {
      const sample = await this.#measure();
      if (sample && !this.#over) this.#write(sample);
    } catch (error) {
      this.#fail(error);
    }
  }

  async #measure(): Promise<SystemSample | undefined> {
    // First what others answer, so that nothing waits between the numbers of this process.
    const [gpus, disk] = await Promise.all([this.#gpus(), this.#disk()]);
    const began = seconds();
    const machine = await this.#try(machineUse);
    const processes = (await this.#try(() => this.#tree.read())) ?? [];
    const at = seconds();
    this.#pace.measured(began, at);
    const over = this.#last && at - this.#last.at;
    // Timers can fire together after a long computation: rates over nothing mean nothing.
    if (over !== undefined && over <= 0.001) return undefined;
    const used = processes.length === 0 ? undefined : this.#meter.advance(processes);
    const before = this.#last?.processor;
    const now = machine?.processor;
    this.#last = { at, processor: now };
    const rate = (amount: number | undefined) =>
      amount === undefined || over === undefined ? undefined : amount / over;
    const memories = processes.map(({ memory }) => memory);
    const run = memories.length === 0 ? undefined : memories.reduce(sumOrUnknown);
    const busy = before && now && now.all > before.all ? (now.busy - before.busy) / (now.all - before.all) : undefined;
    return {
      v: SYSTEM_VERSION,
      time: Date.now(),
      attempt: this.lease.attempt,
      ...(over !== undefined && { over: rounded(over, 3) }),
      cpu: present({ run: percent(rate(used?.cpu)), machine: percent(busy) }),
      memory: { ...present({ run }), ...machine?.memory },
      disk: { ...disk, ...present({ read: whole(rate(used?.read)), written: whole(rate(used?.written)) }) },
      ...(gpus && { gpus }),
    };
  }

  /** Undefined where there are none, or they were asked not long ago. */
  async #gpus(): Promise<GpuSample[] | undefined> {
    const began = seconds();
    if (this.#gpuFailures >= GPU_PATIENCE || began < this.#gpuPace.next) return undefined;
    // The last sample waits for nobody.
    if (this.#isEnding()) return undefined;
    const { loads, absent, problem } = await gpuLoads('nvidia-smi', this.#stop.signal);
    if (this.#isEnding()) return undefined;
    this.#gpuPace.measured(began, seconds());
    if (absent) this.#gpuFailures = GPU_PATIENCE;
    else if (problem !== undefined) {
      this.#gpuFailures++;
      this.#note(problem);
    } else this.#gpuFailures = 0;
    return problem === undefined ? visibleGpus(loads, this.options.gpuEnvironment).map(withoutId) : undefined;
  }

  async #disk(): Promise<SystemSample['disk']> {
    if (this.#isEnding()) return {};
    const found = await this.#try(() => statfs(this.lease.dir));
    return found ? { free: found.bavail * found.bsize, total: found.blocks * found.bsize } : {};
  }

  #write(sample: SystemSample): void {
    // Another worker may have taken over: this one ends as soon as it notices.
    this.lease.check();
    // Writing into a folder that is being deleted would leave parts of it behind.
    if (isGone(this.lease.dir)) return;
    this.#file ??= new AppendFile(runPaths(this.lease.dir).system);
    if (!this.#file.isDeleted) this.#file.append(Buffer.from(encodeSample(sample)));
  }

  async #try<T>(measure: () => T | Promise<T>): Promise<T | undefined> {
    try {
      return await measure();
    } catch (error) {
      this.#fail(error);
      return undefined;
    }
  }

  /** A run that is no longer this worker's, or that was deleted, ends by itself and says so. */
  #fail(error: unknown): void {
    if (error instanceof LeaseLost || isGone(this.lease.dir)) this.#over = true;
    else this.#note(messageOf(error));
  }

  #note(problem: string): void {
    if (this.#noted) return;
    this.#noted = true;
    this.options.note(l10n.t`System metrics are incomplete: ${problem}`);
  }
}

function treeOf({ ownProgram }: SamplerOptions): TreeReader {
  switch (process.platform) {
    case 'linux':
      return new LinuxTree(process.pid);
    case 'win32':
      return ownProgram ? unknownTree : ownProcess;
    default:
      return new PsTree(process.pid);
  }
}

const machineUse = (): MachineUse | Promise<MachineUse> =>
  process.platform === 'linux' ? linuxMachine() : machineElsewhere();

/** Of a clock that never goes back, and stands still while the machine is asleep. */
const seconds = () => performance.now() / 1000;

const withoutId = ({ index, name, use, memory, total, temperature, power }: GpuLoad): GpuSample => ({
  index,
  name,
  ...present({ use, memory, total, temperature, power }),
});

const sumOrUnknown = (a: number | undefined, b: number | undefined) =>
  a === undefined || b === undefined ? undefined : a + b;

const rounded = (value: number, digits: number) => Number(value.toFixed(digits));
const percent = (share: number | undefined) => (share === undefined ? undefined : rounded(100 * share, 1));
const whole = (value: number | undefined) => (value === undefined ? undefined : Math.round(value));

/** Without the values that are not there. */
const present = <T extends object>(values: T) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
