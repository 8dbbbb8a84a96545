import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { listDevices } from '../../../core/engine/devices/devices';
import { messageOf, UserError } from '../../../core/errors';
import type { HostTensor } from '../../../core/engine/host';
import { createRuntime } from '../../../core/engine/runtime/create';
import { installedRuntime } from '../../../core/engine/runtime/installed';
import { PROVIDERS, type Provider } from '../../../core/engine/runtime/runtime';
import { installRuntime } from '../../../core/runtimes/install';
import { runtimesFolder } from '../../../core/user-folders';
import { softwareGpu } from '../../software-gpu';
import { ALL, assertParity, expectedOf } from '../../unit/engine/kernels/all';
import { Training } from '../../../core/engine/known-training';

const STEPS = 4;
const TIME_LIMIT_MS = 240_000;
const MARK = 'runtime-child:';

/** What the child process says: that this machine cannot compute on the provider, or what it computed. */
type Report = { unavailable: string } | { trained: Trained; unequal: string[] };

interface Trained {
  readonly losses: number[];
  readonly evaluation: number;
  readonly state: number[];
  /** Where the tensors of the state lie: `cpu`, `gpu-buffer`. */
  readonly locations: string[];
}

/** The `location` of every tensor inside a state. */
function locationsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  if ('location' in value && typeof value.location === 'string') return [value.location];
  return Object.values(value).flatMap(locationsIn);
}

async function trainOn(provider: Provider): Promise<Trained> {
  const runtime = createRuntime({ provider, threads: 2 });
  const training = new Training(runtime);
  const losses = await training.train(STEPS);
  const evaluation = await training.evaluate();
  // Read in the middle, then on: a read must leave the state where it is.
  const state = [...(await training.numbers())];
  losses.push(...(await training.train(1)));
  const locations = [...new Set(locationsIn(training.state))];
  await runtime.dispose();
  return { losses, evaluation, state, locations };
}

/** Computes in a process of its own: a driver that fails takes its process with it. */
async function computeInChild(provider: Provider, env: NodeJS.ProcessEnv): Promise<Report> {
  const directory = mkdtempSync(path.join(tmpdir(), 'winnow-gpu-'));
  const gpu = provider === 'webgpu' ? softwareGpu(directory) : {};
  const child = spawn(process.execPath, ['--enable-source-maps', fileURLToPath(import.meta.url)], {
    env: { ...process.env, ...gpu, ...env, WINNOW_RUNTIME_CHILD: provider, NODE_TEST_CONTEXT: undefined },
    timeout: TIME_LIMIT_MS,
  });
  const output = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.err += chunk.toString()));
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) => {
    child.on('close', (...ended) => {
      resolve(ended);
    });
  });
  rmSync(directory, { recursive: true, force: true });
  const line = output.out.split('\n').find((text) => text.startsWith(MARK));
  if (line === undefined) throw new Error(`the child process ended with ${code ?? signal}: ${output.err.slice(-2000)}`);
  return JSON.parse(line.slice(MARK.length)) as Report;
}

/** What functions on a GPU may be off by: WGSL allows 2^-11 for a sine. */
const GPU_TOLERANCE = { relative: 1e-3, absolute: 1e-3 };

/** The kernels whose results are not those of tf.js on the CPU. */
async function unequalKernels(provider: Provider): Promise<string[]> {
  const kernels = Object.entries(ALL).map(([name, cases]) => ({
    name,
    cases: cases.filter(({ excused }) => excused?.[provider] === undefined),
  }));
  // Before the runtime is loaded: tfjs-node brings kernels for tf.js's own backend, which do not know Winnow's tensors.
  const expected = new Map<string, HostTensor[][]>();
  for (const { name, cases } of kernels) expected.set(name, await expectedOf(name, cases));
  const runtime = createRuntime({ provider, threads: 2 });
  const unequal: string[] = [];
  for (const { name, cases } of kernels)
    await assertParity(runtime, name, cases, { loosest: GPU_TOLERANCE, expected: expected.get(name)! }).catch(
      (error: unknown) => unequal.push(messageOf(error)),
    );
  await runtime.dispose();
  return unequal;
}

async function beTheChild(provider: Provider): Promise<void> {
  const devices = await listDevices();
  const { reason } = devices.find((one) => one.provider === provider)!;
  const report: Report =
    reason === undefined
      ? { unequal: await unequalKernels(provider), trained: await trainOn(provider) }
      : { unavailable: reason };
  process.stdout.write(`\n${MARK}${JSON.stringify(report)}\n`);
}

/** Why a runtime may be missing without a fault of ours: no network, no compiler, another platform. */
const EXCUSES = /^(runtime\.(not-found|download|no-compiler|platform|no-gpu|driver)|disk\.full)$/;

/**
 * Where TensorFlow is installed for these tests, once: the library for CPUs, from the Python index and the npm registry of whoever
 * runs them. @returns why it is not there, if it is not
 */
async function installTensorFlow(folder: string): Promise<string | undefined> {
  process.env.WINNOW_RUNTIMES = folder;
  if (installedRuntime('tensorflow')) return undefined;
  try {
    await installRuntime('tensorflow', { variant: 'tensorflow-cpu', verifier: path.resolve('dist', 'verifier.js') });
    return undefined;
  } catch (error) {
    if (error instanceof UserError && EXCUSES.test(error.code)) return error.message;
    throw error;
  }
}

function assertNear(actual: readonly number[], expected: readonly number[], tolerance: number, what: string): void {
  assert.equal(actual.length, expected.length);
  expected.forEach((value, i) => {
    assert.ok(
      Math.abs(actual[i]! - value) <= tolerance * (1 + Math.abs(value)),
      `${what} ${i}: ${actual[i]}, but ${value} on the CPU`,
    );
  });
}

const child = PROVIDERS.find((provider) => provider === process.env.WINNOW_RUNTIME_CHILD);
if (child) await beTheChild(child);
else {
  // What the person who runs the tests has installed is used too.
  const own = process.env.WINNOW_RUNTIMES ?? runtimesFolder();
  const folder = path.resolve('.winnow', 'runtimes');
  const missing = await installTensorFlow(folder);
  const places: Partial<Record<Provider, string>> = { tensorflow: folder };
  for (const provider of PROVIDERS.filter((name) => name !== 'cpu'))
    describe(`the runtime ${provider}`, async () => {
      const report = await computeInChild(provider, { WINNOW_RUNTIMES: places[provider] ?? own });
      const excuse = provider === 'tensorflow' ? missing : undefined;
      const skip = 'unavailable' in report && `this machine cannot use it: ${excuse ?? report.unavailable}`;
      if (skip !== false) console.log(`${provider} is skipped: ${skip}`);

      it('trains as the CPU does', { skip }, async () => {
        assert.ok('trained' in report);
        const { losses, evaluation, state, locations } = report.trained;
        // The state stays on the device.
        if (provider === 'webgpu') assert.deepEqual(locations, ['gpu-buffer']);
        const expected = await trainOn('cpu');
        assertNear(losses, expected.losses, 1e-4, 'loss or gradient norm');
        assertNear([evaluation], [expected.evaluation], 1e-4, 'evaluation');
        assertNear(state, expected.state, 2e-3, 'state element');
      });

      it('computes every kernel as tf.js does on the CPU', { skip }, () => {
        assert.ok('unequal' in report);
        assert.deepEqual(report.unequal, []);
      });
    });
}
