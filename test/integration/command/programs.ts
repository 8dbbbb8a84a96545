import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readRun, type RunDetails } from '../../../core/experiments/library/store';
import { eventually } from '../../patience';

const CLI = path.resolve('dist', 'cli.js');

/** A folder with programs and specs that start them, and the runs, made with the product's own command line. */
export class Programs {
  private constructor(readonly folder: string) {}

  static async open(): Promise<Programs> {
    return new Programs(await mkdtemp(path.join(tmpdir(), 'winnow programs-')));
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  file = (...parts: string[]): string => path.join(this.folder, ...parts);

  async copyExample(): Promise<void> {
    await cp(path.resolve('core/methods/command/example'), this.folder, { recursive: true });
  }

  /** Writes a program in JavaScript and its spec. */
  async program(name: string, lines: readonly string[], settings: object = {}): Promise<void> {
    await writeFile(this.file(`${name}.cjs`), lines.join('\n'));
    await this.spec(name, { command: [process.execPath, `${name}.cjs`], ...settings });
  }

  async spec(name: string, settings: object): Promise<void> {
    await writeFile(this.file(`${name}.winnow.json`), JSON.stringify({ method: 'command', ...settings }));
  }

  winnow(...args: string[]): { code: number | null; stdout: string; stderr: string } {
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
    const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], {
      cwd: this.folder,
      encoding: 'utf8',
      env,
    });
    return { code: status, stdout, stderr };
  }

  /** Runs a spec to its end, whatever that is. */
  async run(name: string, ...args: string[]): Promise<RunDetails> {
    const { stderr } = this.winnow('run', `${name}.winnow.json`, '--json', ...args);
    return this.latest(stderr);
  }

  /** Starts a spec and leaves it running. */
  async start(name: string): Promise<RunDetails> {
    const { code, stderr } = this.winnow('run', `${name}.winnow.json`, '--detach');
    assert.equal(code, 0, stderr);
    return this.latest();
  }

  async latest(said = ''): Promise<RunDetails> {
    const { code, stdout, stderr } = this.winnow('list', '--json');
    assert.equal(code, 0, stderr);
    const [first] = (JSON.parse(stdout) as { runs: { dir: string }[] }).runs;
    assert.ok(first, `no run: ${said}`);
    return readRun(path.resolve(this.folder, first.dir));
  }

  until = eventually;

  text = async (...parts: string[]): Promise<string> => readFile(this.file(...parts), 'utf8');
}

/** A metric over the steps, as the panels see it. */
export function curve(run: RunDetails, metric: string): [number, number][] {
  return [...run.history.metrics.values()]
    .flat()
    .flatMap(({ step, values }): [number, number][] => (metric in values ? [[step, values[metric] ?? NaN]] : []));
}
