import type { Installable, InstalledRuntime } from '../engine/runtime/installed';
import type { InstallOptions } from './install';

/** The runtimes of one machine: this one, or a remote. */
export interface RuntimeHost {
  /** What is installed there. */
  list(): Promise<readonly InstalledRuntime[]>;
  /** @throws UserError `runtime.*`, `disk.*`; then everything there is as it was */
  install(name: Installable, options: Omit<InstallOptions, 'verifier'>): Promise<InstalledRuntime>;
  /** @returns whether it computes on a GPU. @throws UserError `runtime.*` */
  verify(name: Installable, signal?: AbortSignal): Promise<boolean>;
  /** @throws UserError `runtime.not-installed`, `disk.*` */
  remove(name: Installable): Promise<InstalledRuntime>;
}
