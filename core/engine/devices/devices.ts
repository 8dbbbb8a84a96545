import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { formatBytes } from '../../protocol/format';
import { GraphBuilder, type BuildOptions } from '../onnx/graph';
import { TENSORFLOW_PACKAGE } from '../runtime/create';
import {
  installCommand,
  installedRuntime,
  loadsOf,
  REMOTE_VARIABLE,
  type InstalledRuntime,
} from '../runtime/installed';
import { LARGEST } from '../optimizer';
import { hasFloat16, PROVIDERS, type Provider } from '../runtime/runtime';
import { graphicsCards, type GraphicsCard } from './graphics';
import { nvidiaGpus, type NvidiaGpu } from './nvidia';
import { runProbe } from './probe';

/** A provider, and whether this machine can run steps on it. */
export interface DeviceInfo {
  readonly provider: Provider;
  readonly available: boolean;
  /** The hardware, if it can be queried. */
  readonly detail?: string;
  /** Why it is not available: one sentence. */
  readonly reason?: string;
  /** There is no library for this platform: nothing can be done about it here. */
  readonly unsupported?: true;
  /** What to do about it. */
  readonly hint?: string;
  /** What the user has installed for it, if anything: `ONNX Runtime 1.30.0 with CUDA 13`. */
  readonly runtime?: string;
  /** NVIDIA's GPUs, with what computes on them. */
  readonly gpus?: readonly NvidiaGpu[];
  /** The graphics cards that the system knows. */
  readonly cards?: readonly GraphicsCard[];
}

/**
 * Checks that this machine can compute on a provider, before anything is planned or started on it.
 * @throws UserError `device.unavailable` with the reason and what to do; its fix sets the provider to `cpu`
 */
export async function requireDevice(provider: Provider): Promise<void> {
  const { available, reason = '', hint = '' } = await probe(provider);
  if (available) return;
  throw new UserError(
    'device.unavailable',
    l10n.t`${process.env[REMOTE_VARIABLE] ?? l10n.t('This machine')} cannot compute on "${provider}": ${reason}`,
    `${asSentence(hint)} ${l10n.t('To use the CPU, set device.provider to "cpu".')}`.trim(),
    { fixes: [{ title: l10n.t('Use cpu'), key: 'device.provider', value: 'cpu' }] },
  );
}

/**
 * Checks that training steps can be computed in float16 on a provider that works: that the device has such numbers, and that one that
 * is too large is noticed.
 * @throws UserError `device.precision`; its fix sets the precision to float32
 */
export async function requireFloat16(provider: Provider): Promise<void> {
  if (!hasFloat16(provider) || provider === 'tensorflow')
    throw withoutFloat16(provider, l10n.t('it is not supported.'));
  const { problem } = await runOrtProbe(provider, installedRuntime(provider), float16Trial());
  if (problem !== undefined) throw withoutFloat16(provider, problem);
}

const withoutFloat16 = (provider: Provider, problem: string): UserError =>
  new UserError(
    'device.precision',
    l10n.t`This machine cannot compute in float16 on "${provider}": ${problem}`,
    l10n.t('Remove "device.precision", to compute in float32.'),
    { fixes: [{ title: l10n.t('Use float32'), key: 'device.precision', value: 'float32' }] },
  );

/** Probes every provider, and describes the hardware. */
export function listDevices(): Promise<DeviceInfo[]> {
  return Promise.all(PROVIDERS.map(describe));
}

async function describe(provider: Provider): Promise<DeviceInfo> {
  switch (provider) {
    case 'cuda': {
      const [device, { gpus, problem }] = await Promise.all([probe(provider), nvidiaGpus()]);
      if (gpus.length > 0) {
        const names = gpus.map(gpuName).join('; ');
        return {
          ...device,
          gpus,
          ...(device.available ? { detail: names } : { reason: `${names}: ${device.reason ?? ''}` }),
        };
      }
      if (device.available || device.unsupported || problem === undefined) return device;
      // Without a driver, nothing that could be installed would help.
      return {
        ...device,
        reason: l10n.t`No NVIDIA GPU with a driver was found (${problem}).`,
        hint: l10n.t`If this machine has one, install its driver, then run: ${installCommand(provider)}`,
      };
    }
    case 'webgpu': {
      const [device, cards] = await Promise.all([probe(provider), graphicsCards()]);
      const detail = cards.map(({ name }) => name).join(', ');
      return { ...device, cards, ...(device.available && detail !== '' && { detail }) };
    }
    default:
      return probe(provider);
  }
}

/** A GPU with what is free on it. */
function gpuName({ name, memory, processes }: NvidiaGpu): string {
  const parts = [
    ...(memory ? [l10n.t`${formatBytes(memory.free)} of ${formatBytes(memory.total)} free`] : []),
    ...(processes.length === 1 ? [l10n.t('1 process')] : []),
    ...(processes.length > 1 ? [l10n.t`${processes.length} processes`] : []),
  ];
  return parts.length === 0 ? name : `${name} (${parts.join(', ')})`;
}

async function probe(provider: Provider): Promise<DeviceInfo> {
  if (provider === 'cpu') return { provider, available: true, detail: cpuDetail() };
  const installed = installedRuntime(provider);
  const about = installed && { runtime: installed.title };
  if (provider === 'tensorflow') return { ...(await probeTensorFlow(installed)), ...about };
  const { problem, unknown, unbundled } = await runOrtProbe(provider, installed);
  if (problem === undefined) return { provider, available: true, ...about };
  const place = places()[provider];
  if (unknown)
    return {
      provider,
      available: false,
      unsupported: true,
      reason: l10n.t`onnxruntime-node does not support ${place.name} on ${`${process.platform}-${process.arch}`}.`,
      hint: l10n.t`${place.name} needs ${place.needs}.`,
    };
  const missing = unbundled && !installed;
  const reason = missing ? l10n.t`The ${place.name} runtime is not installed.` : problem;
  return { provider, available: false, ...about, reason, hint: missing ? install(provider) : place.hint };
}

const install = (name: string) => l10n.t`Install it with: ${installCommand(name)}`;

const places = () => ({
  webgpu: {
    name: 'WebGPU',
    needs: l10n.t('Windows, macOS or Linux on x64'),
    hint: l10n.t(
      'Install the driver of the graphics card (on Linux a Vulkan driver and libvulkan1), and check that your user may access it.',
    ),
  },
  cuda: {
    name: 'CUDA',
    needs: l10n.t('Linux on x64 with an NVIDIA card'),
    hint: l10n.t('Check that nvidia-smi shows a GPU, and run: winnow runtime verify cuda'),
  },
  coreml: { name: 'CoreML', needs: 'macOS', hint: l10n.t('Update macOS.') },
  dml: { name: 'DirectML', needs: 'Windows', hint: l10n.t('Update Windows and the driver of the graphics card.') },
});

function cpuDetail(): string {
  const model = cpus()[0]?.model.trim() ?? process.arch;
  const threads = availableParallelism();
  return `${model}, ${threads === 1 ? l10n.t('1 thread') : l10n.t`${threads} threads`}`;
}

/** Computes something on the CPU, in a separate process. @returns what went wrong, if anything did */
export const tryProcessor = async (): Promise<string | undefined> => (await runOrtProbe('cpu', undefined)).problem;

/** A graph, and what it makes of some inputs `x`. */
interface Trial {
  readonly model: Buffer;
  readonly shape: readonly number[];
  readonly cases: readonly { readonly x: readonly number[]; readonly y: readonly number[] }[];
}

function runOrtProbe(
  provider: Exclude<Provider, 'tensorflow'>,
  installed: InstalledRuntime | undefined,
  { model, ...expected }: Trial = smallestTrial(),
) {
  const own = { libraries: [], package: createRequire(import.meta.url).resolve('onnxruntime-node') };
  const { libraries, package: library } = installed ? loadsOf(installed) : own;
  const given = [library, JSON.stringify(libraries), provider, model.toString('base64'), JSON.stringify(expected)];
  return runProbe(ONNX_RUNTIME_PROBE, given);
}

/** A graph of one node: x + x. */
function smallestTrial(): Trial {
  const graph = new GraphBuilder();
  const x = graph.input('x', 'float32', [1]);
  graph.output(graph.node('Add', [x, x], 'float32', [1]));
  return { model: Buffer.from(graph.build('probe')), shape: [1], cases: [{ x: [1], y: [2] }] };
}

/** The product x x in float16, or -1 where it is not finite, as steps find out whether gradients are. */
export function float16Trial(options: BuildOptions = {}): Trial {
  const graph = new GraphBuilder();
  const shape = [2, 2];
  const number = (value: number) => graph.constant('float32', [], Float32Array.of(value));
  const x = graph.cast(graph.input('x', 'float32', shape), 'float16');
  const product = graph.cast(graph.node('MatMul', [x, x], 'float16', shape), 'float32');
  const isFinite = graph.node('LessOrEqual', [product, number(LARGEST)], 'bool', shape);
  graph.output(graph.node('Where', [isFinite, product, number(-1)], 'float32', shape));
  return {
    model: Buffer.from(graph.build('probe of float16', options)),
    shape,
    cases: [
      { x: [1, 2, 3, 4], y: [7, 10, 15, 22] },
      // 240² is a float16, the sum of two is not.
      { x: [240, 240, 240, 240], y: [-1, -1, -1, -1] },
      // One that is too large from the beginning.
      { x: [1e6, 1, 1, 1], y: [-1, -1, -1, 2] },
    ],
  };
}

async function probeTensorFlow(installed: InstalledRuntime | undefined): Promise<DeviceInfo> {
  const provider = 'tensorflow';
  let loads: ReturnType<typeof loadsOf>;
  try {
    loads = installed
      ? loadsOf(installed)
      : { libraries: [], package: createRequire(import.meta.url).resolve(TENSORFLOW_PACKAGE) };
  } catch {
    return {
      provider,
      available: false,
      reason: l10n.t('The TensorFlow runtime is not installed.'),
      hint: install(provider),
    };
  }
  const { problem, detail } = await runProbe(TENSORFLOW_PROBE, [loads.package, JSON.stringify(loads.libraries)]);
  if (problem === undefined) return { provider, available: true, ...(detail === undefined ? {} : { detail }) };
  return {
    provider,
    available: false,
    reason: l10n.t`@tensorflow/tfjs-node-gpu is installed but does not load: ${problem}`,
    hint: l10n.t`Install it again with: ${installCommand(provider)}`,
  };
}

const ONNX_RUNTIME_PROBE = `
const [library, libraries, provider, model, expected] = process.argv.slice(1);
const { shape, cases } = JSON.parse(expected);
// CUDA's libraries need that of the driver, whose absence ONNX Runtime does not explain.
const unloaded = preload([...JSON.parse(libraries), ...(provider === 'cuda' ? ['libcuda.so.1'] : [])]);
const why = (message) => (/Failed to load shared library/.test(message) && unloaded ? unloaded : message);
try {
  const ort = require(library);
  const known = provider === 'cpu' || ort.listSupportedBackends().find(({ name }) => name === provider);
  const options = { executionProviders: [provider], logSeverityLevel: 4 };
  const check = async (session) => {
    for (const { x, y } of cases) {
      const result = await session.run({ x: new ort.Tensor('float32', x, shape) });
      const [{ data }] = Object.values(result);
      if (data.length !== y.length || y.some((value, i) => data[i] !== value))
        throw new Error('it computes ' + Array.from(data).join(', ') + ' where ' + y.join(', ') + ' is right');
    }
  };
  const failed = { ...(known ? {} : { unknown: true }), ...(known && known.bundled === false ? { unbundled: true } : {}) };
  if (!known) report({ ...failed, problem: 'unknown' });
  else ort.InferenceSession.create(Buffer.from(model, 'base64'), options)
    .then(check)
    .then(() => report({}), (error) => report({ ...failed, problem: why(error.message) }));
} catch (error) {
  report({ problem: error.message });
}
`;

const TENSORFLOW_PROBE = `
try {
  const [library, libraries] = process.argv.slice(1);
  const util = require('node:util');
  util.isNullOrUndefined ??= (value) => value === null || value === undefined;
  util.isArray ??= Array.isArray;
  preload(JSON.parse(libraries));
  const tf = require(library);
  const sum = tf.add(1, 1).dataSync()[0];
  if (sum !== 2) throw new Error('it computes 1 + 1 = ' + sum);
  report({ detail: tf.backend().isUsingGpuDevice ? 'on a GPU' : 'on the CPU: TensorFlow finds no GPU' });
} catch (error) {
  report({ problem: error.message });
}
`;

/** A command at the end of a hint is copied as it is, so the text after it begins on a new line. */
function asSentence(hint: string): string {
  return hint === '' || hint.endsWith('.') ? hint : `${hint}\n `;
}
