import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { EagerRuntime } from './eager';
import { OrtRuntime } from './ort';
import type { Provider, Runtime } from './runtime';

export interface RuntimeOptions {
  readonly provider?: Provider;
  /** Threads inside one operator; default: all cores. */
  readonly threads?: number;
  /** A prefix for ONNX Runtime's profile files. */
  readonly profile?: string;
}

/** A runtime for the device asked for. */
export function createRuntime({
  provider = 'cpu',
  threads = availableParallelism(),
  profile,
}: RuntimeOptions = {}): Runtime {
  if (provider !== 'tensorflow') return new OrtRuntime({ provider, threads, profile });
  loadTensorFlow();
  return new EagerRuntime('tensorflow', 'tensorflow');
}

/** Loads the optional peer dependency, which registers its backend with the tf.js engine that this process shares. */
function loadTensorFlow(): void {
  const require = createRequire(import.meta.url);
  try {
    require('@tensorflow/tfjs-node-gpu');
  } catch (error) {
    throw new UserError(
      'device.tensorflow-missing',
      l10n.t(
        "The runtime 'tensorflow' needs the package @tensorflow/tfjs-node-gpu, which is not installed or does not load here.",
      ),
      // An optional peer of this package: npm 11 installs one only when it is told what kind of dependency it shall be.
      l10n.t(
        'Install it with: npm install --no-save --save-dev @tensorflow/tfjs-node-gpu@4.22.0 --ignore-scripts=false',
      ),
      { cause: error },
    );
  }
}
