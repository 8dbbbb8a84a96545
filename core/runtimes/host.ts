import type { Installable, InstalledRuntime } from '../engine/runtime/installed';
import type { Wishes } from './choose';
import type { WheelOptions } from './wheels';

export interface HostOptions extends Wishes, WheelOptions {
  /** Whether it computes a known training before it counts as installed; default: yes. */
  readonly verify?: boolean;
}

/** What was deleted. */
export interface RemovedRuntime {
  readonly name: Installable;
  readonly title: string;
  readonly bytes: number;
}

/** The runtimes of one machine: this one, or a remote. */
export interface RuntimeHost {
  /** What is installed there. */
  list(): Promise<readonly InstalledRuntime[]>;
  /** @throws UserError `runtime.*`, `disk.*`; then everything there is as it was */
  install(name: Installable, options: HostOptions): Promise<InstalledRuntime>;
  /** @returns whether it computes on a GPU. @throws UserError `runtime.*` */
  verify(name: Installable, signal?: AbortSignal): Promise<boolean>;
  /** @throws UserError `runtime.not-installed`, `runtime.busy`, `disk.*` */
  remove(name: Installable): Promise<RemovedRuntime>;
}
