import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { listDevices } from '../../../core/engine/devices';
import { messageOf } from '../../../core/errors';
import { createRuntime } from '../../../core/engine/runtime/create';
import { OrtRuntime } from '../../../core/engine/runtime/ort';
import { ALL, assertParity } from '../../unit/engine/kernels/all';
import { Training } from '../../unit/engine/tiny-transformer';

const STEPS = 4;
const TIME_LIMIT_MS = 240_000;
const MARK = 'webgpu-child:';

/** What the child process says: it found no adapter, or what it computed. */
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

async function trainOn(provider: 'cpu' | 'webgpu'): Promise<Trained> {
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

const CHROMIUM = '/usr/lib/chromium';

/**
 * SwiftShader, a GPU in software that comes with Debian's chromium together with the Vulkan loader that it needs, where
 * the machine does not name a driver of its own.
 */
function softwareGpu(runtimeDirectory: string): NodeJS.ProcessEnv {
  const driver = path.join(CHROMIUM, 'vk_swiftshader_icd.json');
  if (process.env.VK_ICD_FILENAMES !== undefined || !existsSync(driver)) return {};
  const libraries = [process.env.LD_LIBRARY_PATH, CHROMIUM].filter((entry) => entry !== undefined && entry !== '');
  return { VK_ICD_FILENAMES: driver, XDG_RUNTIME_DIR: runtimeDirectory, LD_LIBRARY_PATH: libraries.join(':') };
}

/** Computes in a process of its own: a driver that fails takes its process with it. */
async function computeInChild(): Promise<Report> {
  const directory = mkdtempSync(path.join(tmpdir(), 'winnow-gpu-'));
  const child = spawn(process.execPath, ['--enable-source-maps', fileURLToPath(import.meta.url)], {
    env: { ...process.env, ...softwareGpu(directory), WINNOW_WEBGPU_CHILD: '1', NODE_TEST_CONTEXT: undefined },
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

/** What WGSL's functions may be off by: 2^-11 for a sine. */
const SHADER_TOLERANCE = { relative: 1e-3, absolute: 1e-3 };

/** The kernels whose results are not those of tf.js on the CPU. */
async function unequalKernels(): Promise<string[]> {
  const runtime = new OrtRuntime({ provider: 'webgpu', threads: 2 });
  const unequal: string[] = [];
  for (const [name, cases] of Object.entries(ALL)) {
    const possible = cases.filter(({ excused }) => excused === undefined);
    await assertParity(runtime, name, possible, SHADER_TOLERANCE).catch((error: unknown) =>
      unequal.push(messageOf(error)),
    );
  }
  await runtime.dispose();
  return unequal;
}

async function beTheChild(): Promise<void> {
  const devices = await listDevices();
  const { reason } = devices.find(({ provider }) => provider === 'webgpu')!;
  const report: Report =
    reason === undefined
      ? { trained: await trainOn('webgpu'), unequal: await unequalKernels() }
      : { unavailable: reason };
  console.log(`${MARK}${JSON.stringify(report)}`);
}

function assertNear(actual: readonly number[], expected: readonly number[], tolerance: number, what: string): void {
  assert.equal(actual.length, expected.length);
  expected.forEach((value, i) => {
    assert.ok(
      Math.abs(actual[i]! - value) <= tolerance * (1 + Math.abs(value)),
      `${what} ${i}: ${actual[i]} on webgpu, ${value} on cpu`,
    );
  });
}

if (process.env.WINNOW_WEBGPU_CHILD === undefined)
  describe('WebGPU', async () => {
    const report = await computeInChild();
    const skip = 'unavailable' in report ? `no WebGPU adapter on this machine: ${report.unavailable}` : false;
    if (skip !== false) console.log(`skipped: ${skip}`);

    it('trains as the CPU does, the state staying on the device', { skip }, async () => {
      assert.ok('trained' in report);
      const { losses, evaluation, state, locations } = report.trained;
      assert.deepEqual(locations, ['gpu-buffer']);
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
else await beTheChild();
