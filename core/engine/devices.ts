import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus } from 'node:os';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import * as ort from 'onnxruntime-node';
import { messageOf, UserError } from '../errors';
import { GraphBuilder } from './onnx/graph';
import { createRuntime } from './runtime/create';
import type { Provider } from './runtime/runtime';
import { PROVIDERS } from './runtime/runtime';

/** What this machine can run steps on. */
export interface DeviceInfo {
  readonly provider: Provider;
  readonly available: boolean;
  /** The hardware, where it can be asked. */
  readonly detail?: string;
  /** Why it is not available: one sentence. */
  readonly reason?: string;
  /** There is no library for this platform: nothing can be done about it here. */
  readonly unsupported?: true;
  /** What to do about it. */
  readonly hint?: string;
}

/** Long enough for a GPU that has to wake up. */
const PROBE_TIMEOUT_MS = 20_000;

/**
 * Makes sure that this machine can compute on a provider before anything is planned or started on it.
 * @throws UserError `device.unavailable` that says why not and what to do, with the processor as its fix
 */
export async function requireDevice(provider: Provider): Promise<void> {
  const { available, reason = '', hint = '' } = await probe(provider);
  if (available) return;
  throw new UserError(
    'device.unavailable',
    l10n.t`This machine cannot compute on "${provider}": ${reason}`,
    `${asSentence(hint)} ${l10n.t('To use the CPU, set device.provider to "cpu".')}`.trim(),
    { fixes: [{ title: l10n.t('Use cpu'), key: 'device.provider', value: 'cpu' }] },
  );
}

/** Tries every provider; the ones with drivers in processes of their own, which a bad driver may take with it. */
export function listDevices(): Promise<DeviceInfo[]> {
  return Promise.all(PROVIDERS.map(probe));
}

async function probe(provider: Provider): Promise<DeviceInfo> {
  if (provider === 'cpu') return { provider, available: true, detail: cpuDetail() };
  if (provider === 'tensorflow') return probeTensorFlow();
  const known = ort.listSupportedBackends().find(({ name }) => name === provider);
  const place = places()[provider];
  if (!known)
    return {
      provider,
      available: false,
      unsupported: true,
      reason: l10n.t`onnxruntime-node has no ${place.name} on ${`${process.platform}-${process.arch}`}.`,
      hint: l10n.t`${place.name} needs ${place.needs}.`,
    };
  const { problem } = await runProbe(ONNX_RUNTIME_PROBE, [
    createRequire(import.meta.url).resolve('onnxruntime-node'),
    provider,
    smallestModel().toString('base64'),
  ]);
  if (problem === undefined) {
    const detail = provider === 'cuda' ? await nvidiaGpus() : '';
    return { provider, available: true, ...(detail === '' ? {} : { detail }) };
  }
  const reason = known.bundled
    ? problem
    : l10n.t`onnxruntime-node was installed without its ${place.name} libraries: ${problem}`;
  return { provider, available: false, reason, hint: known.bundled ? place.hint : installCuda() };
}

/** What ONNX Runtime 1.30 is built against, whatever its own install script calls it. */
const cudaLibraries = () => l10n.t('CUDA 13 and cuDNN 9');

/** How to get the libraries of CUDA, which the package of ONNX Runtime downloads on request. */
function installCuda(): string {
  const folder = path.dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  // The VS Code extension comes without the script that downloads them.
  if (!existsSync(path.join(folder, 'script', 'install.js')))
    return l10n.t(
      'The extension uses GPUs through WebGPU, which does not need CUDA ("device": {"provider": "webgpu"}); for CUDA, install Winnow from its repository.',
    );
  const root = path.dirname(path.dirname(folder));
  return l10n.t`Install an NVIDIA driver, ${cudaLibraries()}; then run in ${root}: ONNXRUNTIME_NODE_INSTALL=true npm rebuild onnxruntime-node --ignore-scripts=false`;
}

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
    hint: l10n.t`Check the NVIDIA driver, ${cudaLibraries()}.`,
  },
  coreml: { name: 'CoreML', needs: 'macOS', hint: l10n.t('Update macOS.') },
  dml: { name: 'DirectML', needs: 'Windows', hint: l10n.t('Update Windows and the driver of the graphics card.') },
});

function cpuDetail(): string {
  const model = cpus()[0]?.model.trim() ?? process.arch;
  const threads = availableParallelism();
  return `${model}, ${threads === 1 ? l10n.t('1 thread') : l10n.t`${threads} threads`}`;
}

/** Computes something on the processor, in a process of its own. @returns what went wrong, if something did */
export async function tryProcessor(): Promise<string | undefined> {
  const library = createRequire(import.meta.url).resolve('onnxruntime-node');
  return (await runProbe(ONNX_RUNTIME_PROBE, [library, 'cpu', smallestModel().toString('base64')])).problem;
}

/** A graph of one node: x + x. */
function smallestModel(): Buffer {
  const graph = new GraphBuilder();
  const x = graph.input('x', 'float32', [1]);
  graph.output(graph.node('Add', [x, x], 'float32', [1]));
  return Buffer.from(graph.build('probe'));
}

/** Names of the NVIDIA cards; empty where the driver's tool cannot be asked. */
async function nvidiaGpus(): Promise<string> {
  const { stdout } = await runToEnd('nvidia-smi', ['--query-gpu=name', '--format=csv,noheader'], PROBE_TIMEOUT_MS);
  return stdout
    .trim()
    .split(/\s*\n\s*/)
    .join(', ');
}

async function probeTensorFlow(): Promise<DeviceInfo> {
  const provider = 'tensorflow';
  let resolved: string;
  try {
    resolved = createRequire(import.meta.url).resolve('@tensorflow/tfjs-node-gpu');
  } catch {
    const { message, hint } = missingTensorFlow();
    return { provider, available: false, reason: message, hint };
  }
  const { problem, detail } = await runProbe(TENSORFLOW_PROBE, [resolved]);
  if (problem === undefined) return { provider, available: true, ...(detail === undefined ? {} : { detail }) };
  return {
    provider,
    available: false,
    reason: l10n.t`@tensorflow/tfjs-node-gpu is installed but does not load: ${problem}`,
    hint: l10n.t(
      'It needs the libraries of TensorFlow 2.9 for this platform; reinstall it with: npm rebuild @tensorflow/tfjs-node-gpu --ignore-scripts=false',
    ),
  };
}

/** The error that a run would meet, so that both say the same. */
function missingTensorFlow(): UserError {
  try {
    void createRuntime({ provider: 'tensorflow' }).dispose();
  } catch (error) {
    if (error instanceof UserError) return error;
    throw error;
  }
  throw new Error('the runtime loads a package that cannot be resolved');
}

// The probes are programs of their own, started with `node -e`: they must not depend on how Winnow is bundled.

const ONNX_RUNTIME_PROBE = `
const [library, provider, model] = process.argv.slice(1);
const ort = require(library);
const options = { executionProviders: [provider], logSeverityLevel: 4 };
const x = new ort.Tensor('float32', [1], [1]);
ort.InferenceSession.create(Buffer.from(model, 'base64'), options)
  .then((session) => session.run({ x }))
  .then(() => report({}), (error) => report({ problem: error.message }));
`;

const TENSORFLOW_PROBE = `
try {
  const tf = require(process.argv[1]);
  const sum = tf.add(1, 1).dataSync()[0];
  if (sum !== 2) throw new Error('it computes 1 + 1 = ' + sum);
  report({ detail: tf.backend().isUsingGpuDevice ? 'on a GPU' : 'on the CPU: TensorFlow finds no GPU' });
} catch (error) {
  report({ problem: error.message });
}
`;

/** The last line that a probe prints is its report: libraries print lines of their own before. */
const REPORT = `const report = (findings) => process.stdout.write('\\n' + JSON.stringify(findings) + '\\n');`;

interface Findings {
  readonly problem?: string;
  readonly detail?: string;
}

/** Runs a probe in a process of its own; that it hangs or dies is a finding, too. */
export async function runProbe(
  program: string,
  args: readonly string[],
  timeoutMs = PROBE_TIMEOUT_MS,
): Promise<Findings> {
  const ended = await runToEnd(process.execPath, ['-e', REPORT + program, ...args], timeoutMs);
  const line = ended.stdout.trimEnd().split('\n').at(-1) ?? '';
  const { problem, detail } = findingsIn(line) ?? { problem: ended.how };
  return {
    ...(problem === undefined ? {} : { problem: sentence(problem) }),
    ...(detail === undefined ? {} : { detail }),
  };
}

function findingsIn(line: string): Findings | undefined {
  try {
    const findings: unknown = JSON.parse(line);
    return typeof findings === 'object' && findings !== null ? findings : undefined;
  } catch {
    return undefined;
  }
}

/** The first line, without the source position and the condition that ONNX Runtime puts before what went wrong. */
function sentence(message: string): string {
  const [first = ''] = message
    .replace(/^.*? was false\. /s, '')
    .trim()
    .split('\n');
  return /[.!?]$/.test(first) ? first : `${first}.`;
}

interface Ended {
  readonly stdout: string;
  /** How the process ended, as the end of a sentence about a probe. */
  readonly how: string;
}

function runToEnd(command: string, args: readonly string[], timeoutMs: number): Promise<Ended> {
  return new Promise((resolve) => {
    // Inside VS Code, process.execPath is an Electron that becomes a Node only when it is told to.
    const env = { ...process.env, ELECTRON_RUN_AS_NODE: '1' };
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'ignore'], windowsHide: true });
    let stdout = '';
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, timeoutMs);
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve({ stdout: '', how: messageOf(error) });
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const died =
        signal === null
          ? l10n.t`the process that tried it ended with code ${code ?? 0}`
          : l10n.t`the driver killed the process that tried it (${signal})`;
      resolve({ stdout, how: timedOut ? l10n.t`it did not respond within ${timeoutMs / 1000} seconds` : died });
    });
  });
}

/** A command at the end of a hint is copied as it is: what follows it begins on a line of its own. */
function asSentence(hint: string): string {
  return hint === '' || hint.endsWith('.') ? hint : `${hint}\n `;
}
