import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isAlive } from '../../../core/workers/process';
import { isHeld, type Entry } from '../../../core/workers/queue/state';
import { readQueue } from '../../../core/workers/queue/store';
import { eventually } from '../../patience';
import { at, finished, until, Workbench } from '../experiments/workbench';

/** A workbench with a queue of its own. */
export class QueueBed {
  #specs = 0;

  private constructor(
    readonly bench: Workbench,
    readonly folder: string,
    readonly more: NodeJS.ProcessEnv,
  ) {}

  /** @param more variables of all commands */
  static async open(more: NodeJS.ProcessEnv = {}): Promise<QueueBed> {
    return new QueueBed(await Workbench.open(), await mkdtemp(path.join(tmpdir(), 'winnow-queue-')), more);
  }

  get env(): NodeJS.ProcessEnv {
    return { ...process.env, NODE_TEST_CONTEXT: undefined, ...this.more, WINNOW_QUEUE: this.folder };
  }

  spawn(...args: string[]): ChildProcess {
    const program = path.join(this.bench.folder, 'cli.js');
    return spawn(process.execPath, [program, ...args], { cwd: this.bench.folder, env: this.env });
  }

  winnow(...args: string[]) {
    return finished(this.spawn(...args));
  }

  async json(code: number, ...args: string[]): Promise<Record<string, unknown>> {
    const { code: exit, stdout, stderr } = await this.winnow(...args, '--json');
    assert.equal(exit, code, stdout + stderr);
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  /** Submits a run that waits at a gate of its name after ten steps. @returns its directory */
  async submit(name: string, settings: object = {}): Promise<string> {
    const spec = { seed: 5, steps: 20, gate: name, name, ...settings };
    const file = await this.bench.spec(spec, `${name}-${this.#specs++}`);
    return String((await this.json(0, 'run', file, '--detach')).dir);
  }

  open(gate: string): Promise<void> {
    return this.bench.openGate(gate);
  }

  entries(): readonly Entry[] {
    return readQueue(this.folder).state.entries;
  }

  /** The names of the runs that have a place, and of those that wait, in order. */
  line(): { running: string[]; waiting: string[] } {
    const entries = this.entries();
    return {
      running: entries.filter((one) => isHeld(one) && one.place !== null).map(({ name }) => name),
      waiting: entries.filter((one) => !isHeld(one)).map(({ name }) => name),
    };
  }

  /** The process that starts runs when their turn comes. */
  dispatcher() {
    const { dispatcher } = readQueue(this.folder).state;
    return dispatcher !== null && isAlive(dispatcher, 0) ? dispatcher : undefined;
  }

  async waiting(): Promise<string[]> {
    const view = await this.json(0, 'queue');
    return (at(view, 'waiting') as { name: string }[]).map(({ name }) => name);
  }

  /** Ends all runs of a test. */
  async tidy(dirs: readonly string[]): Promise<void> {
    for (const dir of dirs) await this.winnow('stop', dir, '--force');
    await eventually('the queue to be empty', () => this.entries().every((one) => !isHeld(one)));
    await eventually('the dispatcher to end', () => this.dispatcher() === undefined);
  }

  until = until;

  async close(): Promise<void> {
    await eventually('the dispatcher to end', () => this.dispatcher() === undefined);
    await this.bench.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
