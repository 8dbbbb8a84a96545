import { nvidiaGpus } from '../engine/devices/nvidia';
import { INSTALLABLE, runtimeIn, type Installable, type InstalledRuntime } from '../engine/runtime/installed';
import { chooseVariant, type Wishes } from './choose';
import type { RuntimeHost } from './host';
import { installRuntime, removeRuntime, runtimeFolder, verifyRuntime, type InstallOptions } from './install';

/** The runtimes of this machine. */
export class LocalRuntimes implements RuntimeHost {
  /** @param verifier path of the bundled `verifier.js` */
  constructor(readonly verifier: string) {}

  list(): Promise<readonly InstalledRuntime[]> {
    return Promise.resolve(INSTALLABLE.flatMap((name) => runtimeIn(runtimeFolder(name)) ?? []));
  }

  /** The id of the variant that fits this machine. @throws UserError `runtime.*` */
  async choose(name: Installable, wishes: Wishes): Promise<string> {
    return chooseVariant(name, await nvidiaGpus(), wishes).id;
  }

  install(name: Installable, options: Omit<InstallOptions, 'verifier'>): Promise<InstalledRuntime> {
    return installRuntime(name, { ...options, verifier: this.verifier });
  }

  verify(name: Installable, signal?: AbortSignal): Promise<boolean> {
    return verifyRuntime(name, this.verifier, signal);
  }

  remove(name: Installable): Promise<InstalledRuntime> {
    return removeRuntime(name);
  }
}
