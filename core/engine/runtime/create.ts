import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import * as l10n from '@vscode/l10n';
import { messageOf, UserError } from '../../errors';
import { EagerRuntime } from './eager';
import { installCommand, installedRuntime, loadsOf } from './installed';
import { preload } from './library';
import { OrtRuntime } from './ort';
import type { Device, Runtime } from './runtime';
import { setTf32 } from './tf32';

/** Default: the CPU with all cores. */
export interface RuntimeOptions extends Partial<Device> {
  /** A prefix for ONNX Runtime's profile files. */
  readonly profile?: string;
}

/** A runtime on the given device. */
export function createRuntime({
  provider = 'cpu',
  threads = availableParallelism(),
  tf32,
  precision,
  profile,
}: RuntimeOptions = {}): Runtime {
  if (provider !== 'tensorflow') return new OrtRuntime({ provider, threads, tf32, precision, profile });
  if (tf32 !== undefined) setTf32(tf32);
  loadTensorFlow();
  return new EagerRuntime('tensorflow', 'tensorflow');
}

/** The package that computes with TensorFlow: an optional peer dependency, and what `winnow runtime install` installs. */
export const TENSORFLOW_PACKAGE = '@tensorflow/tfjs-node-gpu';

/**
 * Loads the TensorFlow that the user has installed, or else the optional peer dependency. It registers its backend with the
 * tf.js engine of this process.
 */
function loadTensorFlow(): void {
  const installed = installedRuntime('tensorflow');
  const { libraries, package: from } = installed ? loadsOf(installed) : { libraries: [], package: TENSORFLOW_PACKAGE };
  try {
    mendUtil();
    // TensorFlow writes about its own build and its optimizations otherwise.
    process.env.TF_CPP_MIN_LOG_LEVEL ??= '1';
    preload(libraries);
    createRequire(import.meta.url)(from);
  } catch (error) {
    throw new UserError(
      'device.tensorflow-missing',
      installed
        ? l10n.t`${installed.title} in ${installed.folder} does not load: ${messageOf(error)}`
        : l10n.t`The runtime 'tensorflow' needs the package ${TENSORFLOW_PACKAGE}, which is not installed or does not load here.`,
      l10n.t`Install it with: ${installCommand('tensorflow')}`,
      { cause: error },
    );
  }
}

/** tfjs-node 4.22 calls two functions that Node 23 has removed. */
function mendUtil(): void {
  const util = createRequire(import.meta.url)('node:util') as Record<string, unknown>;
  util.isNullOrUndefined ??= (value: unknown) => value === null || value === undefined;
  util.isArray ??= (value: unknown) => Array.isArray(value);
}
