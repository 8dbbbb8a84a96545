import { createRequire } from 'node:module';
import { constants } from 'node:os';
import type * as ort from 'onnxruntime-node';
import { installedRuntime, loadsOf } from './installed';
import type { Device } from './runtime';
import { nvidiaLibrariesAreLoaded, setTf32 } from './tf32';

/**
 * ONNX Runtime, of which a process can have one copy: a second one would get the shared library of the first, and look for its
 * own providers in the wrong folder. The CUDA runtime that a user installs is such a copy, together with CUDA's libraries.
 */
export type OnnxRuntime = typeof ort;

let loaded: { readonly library: OnnxRuntime; readonly from: string } | undefined;

const OWN = 'onnxruntime-node';

function load(from: string): OnnxRuntime {
  const library = createRequire(import.meta.url)(from) as OnnxRuntime;
  loaded = { library, from };
  return library;
}

/** The copy of this process; Winnow's own, unless `useLibraryOf` has chosen another one. */
export const onnxRuntime = (): OnnxRuntime => loaded?.library ?? load(OWN);

/**
 * Loads the copy that a provider needs. A process that computes on that provider calls this before it computes anything.
 * @param device.tf32 is set before CUDA's libraries are loaded
 * @throws Error if another copy is already loaded, or the same one with another setting
 */
export function useLibraryOf({ provider, tf32 }: Pick<Device, 'provider' | 'tf32'>): void {
  if (tf32 !== undefined) setTf32(tf32);
  const installed = provider === 'tensorflow' ? undefined : installedRuntime(provider);
  if (!installed) return;
  const { libraries, package: from } = loadsOf(installed);
  if (loaded?.from === from) return;
  if (loaded) throw new Error(`This process has loaded ${loaded.from}, and cannot load ${from} too.`);
  preload(libraries);
  load(from);
}

/** glibc's RTLD_NODELETE, which Node does not name: what is loaded stays loaded. */
const RTLD_NODELETE = 0x1000;

/**
 * Loads shared libraries, so that others find them by their names, wherever they are. Setting LD_LIBRARY_PATH would do the same,
 * but for every program that this process starts as well.
 */
export function preload(libraries: readonly string[]): void {
  const { RTLD_NOW } = constants.dlopen;
  if (libraries.length > 0) nvidiaLibrariesAreLoaded();
  for (const file of libraries)
    try {
      process.dlopen({ exports: {} }, file, RTLD_NOW | RTLD_NODELETE);
    } catch {
      // Node loads the library, then complains that it is no add-on of Node. Of a library that really does not load, the one
      // that needs it says more.
    }
}
