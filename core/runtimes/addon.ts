import { readdir } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { makeFolder, remove } from '../files';
import { execute, requireProgram } from './execute';

/** @throws UserError `runtime.no-compiler`, before anything is downloaded */
export const requireCompiler = (signal?: AbortSignal): Promise<void> =>
  requireProgram(
    'g++',
    () =>
      new UserError(
        'runtime.no-compiler',
        l10n.t('g++ was not found. It is needed to compile the add-on that connects Node.js to TensorFlow.'),
        l10n.t('Install it (Debian, Ubuntu: apt-get install g++; Fedora: dnf install gcc-c++).'),
      ),
    signal,
  );

/**
 * Compiles the add-on of tfjs-node against TensorFlow's C API and Node-API, which need no headers of a certain Node. Its own
 * install script would download another TensorFlow.
 * @param folder has node_modules, `lib` with TensorFlow's libraries and `build/include`, which is removed
 */
export async function compileAddon(folder: string, signal?: AbortSignal): Promise<void> {
  const modules = path.join(folder, 'node_modules');
  const own = path.join(modules, '@tensorflow', 'tfjs-node-gpu');
  const sources = (await readdir(path.join(own, 'binding'))).filter((name) => name.endsWith('.cc'));
  // Where node-pre-gyp looks for it.
  const into = path.join(own, 'lib', 'napi-v8');
  await makeFolder(into);
  const args = [
    ...['-shared', '-fPIC', '-O2', '-std=c++17', '-w', '-DNAPI_VERSION=8', '-DNODE_GYP_MODULE_NAME=tfjs_binding'],
    ...[path.join(modules, 'node-api-headers', 'include'), path.join(folder, 'build', 'include'), own].map(
      (dir) => `-I${dir}`,
    ),
    ...sources.map((name) => path.join(own, 'binding', name)),
    `-L${path.join(folder, 'lib')}`,
    ...['-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2', '-Wl,-rpath,$ORIGIN/../../../../../lib'],
    ...['-o', path.join(into, 'tfjs_binding.node')],
  ];
  const { code, output } = await execute('g++', args, { signal });
  if (code !== 0)
    throw new UserError(
      'runtime.compile',
      l10n.t`g++ could not compile the add-on: ${output.trim().split('\n').slice(0, 6).join('\n')}`,
      l10n.t('It needs a g++ with C++17 and the headers of the C library (Debian, Ubuntu: apt-get install g++).'),
    );
  await remove(path.join(folder, 'build'));
}
