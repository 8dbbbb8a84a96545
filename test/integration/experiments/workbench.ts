import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readEvents } from '../../../core/experiments/run/event-log';
import { RunHistory } from '../../../core/experiments/run/history';
import { runPaths } from '../../../core/experiments/run/directory';
import { readState, type RunState } from '../../../core/experiments/run/state';
import { readStatus } from '../../../core/experiments/run/status';
import { eventually } from '../../patience';

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A folder with the command line and worker of the arithmetic method, bundled as the product is, and its runs. */
export class Workbench {
  readonly runs: string;

  private constructor(readonly folder: string) {
    this.runs = path.join(folder, 'runs');
  }

  static async open(): Promise<Workbench> {
    const folder = await mkdtemp(path.join(tmpdir(), 'winnow-workbench-'));
    const banner = "import { createRequire as __r } from 'node:module'; const require = __r(import.meta.url);";
    const bundled = spawnSync(
      process.execPath,
      [
        path.resolve('node_modules/esbuild/bin/esbuild'),
        'test/fixtures/experiments/cli.ts',
        'test/fixtures/experiments/worker.ts',
        'test/fixtures/experiments/agent.ts',
        'core/dispatcher.ts',
        // What is sent to remotes besides.
        'core/stopwatch.ts',
        'core/verifier.ts',
        '--entry-names=[name]',
        ...['--bundle', '--platform=node', '--format=esm', '--target=node20', '--main-fields=module,main'],
        ...[
          '--splitting',
          '--sourcemap',
          '--external:onnxruntime-node',
          '--external:@stdlib/*',
          '--external:@tensorflow/tfjs-node',
          '--external:@tensorflow/tfjs-node-gpu',
          '--external:vscode',
          `--outdir=${folder}`,
          `--banner:js=${banner}`,
        ],
      ],
      { encoding: 'utf8' },
    );
    assert.equal(bundled.status, 0, bundled.stderr);
    await writeFile(path.join(folder, 'package.json'), '{"type": "module"}');
    await symlink(path.resolve('node_modules'), path.join(folder, 'node_modules'), 'junction');
    return new Workbench(folder);
  }

  async close(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  async spec(settings: object, name = 'trial'): Promise<string> {
    const file = path.join(this.folder, `${name}.winnow.json`);
    await writeFile(file, JSON.stringify({ method: 'arithmetic', device: { threads: 1 }, ...settings }));
    return file;
  }

  /** Lets the runs go on that wait for a gate of this name. */
  async openGate(name: string): Promise<void> {
    await writeFile(path.join(this.folder, name), '');
  }

  spawn(...args: string[]): ChildProcess {
    const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
    return spawn(process.execPath, [path.join(this.folder, 'cli.js'), ...args], { cwd: this.folder, env });
  }

  async winnow(...args: string[]): Promise<Result> {
    return finished(this.spawn(...args));
  }

  /** The JSON that a command prints, after checking its exit code. */
  async json(code: number, ...args: string[]): Promise<Record<string, unknown>> {
    const result = await this.winnow(...args, '--json');
    assert.equal(result.code, code, result.stdout + result.stderr);
    const value: unknown = JSON.parse(result.stdout);
    assert.ok(typeof value === 'object' && value !== null);
    return { ...value };
  }

  /** Starts a run in the background. */
  async detach(settings: object): Promise<string> {
    const { dir } = await this.json(0, 'run', await this.spec(settings), '--detach');
    assert.ok(typeof dir === 'string');
    return dir;
  }
}

/** The value under some keys of a JSON document. */
export function at(value: unknown, ...keys: string[]): unknown {
  let inner = value;
  for (const key of keys) inner = typeof inner === 'object' && inner !== null ? Reflect.get(inner, key) : undefined;
  return inner;
}

export async function finished(child: ChildProcess): Promise<Result> {
  let [stdout, stderr] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code, stdout, stderr });
    });
  });
}

export const status = (dir: string) => readStatus(runPaths(dir).status);

/** Waits until a run is in one of the states; gives up loudly. */
export async function until(dir: string, ...states: RunState[]): Promise<RunState> {
  return eventually(`${dir} to be ${states.join(' or ')}`, async () => {
    const { state } = await readState(dir);
    return states.includes(state) ? state : undefined;
  });
}

export { eventually as poll };

/** What a run came to, without what may differ between attempts: the result and every metric line, in order. */
export async function outcome(dir: string) {
  const { events, problems } = await readEvents(runPaths(dir).events);
  assert.deepEqual(problems, []);
  const { metrics, checkpoints } = new RunHistory(events);
  return {
    result: await readFile(path.join(runPaths(dir).artifacts, 'result.json'), 'utf8'),
    metrics: [...metrics].map(([phase, lines]) => [phase, lines.map(({ step, values }) => ({ step, values }))]),
    checkpoints: [...checkpoints.values()].map(({ name, metrics: numbers }) => ({ name, numbers })),
  };
}
