import { nvidiaGpus } from '../engine/devices/nvidia';
import { INSTALLABLE, runtimeIn, type Installable, type InstalledRuntime } from '../engine/runtime/installed';
import { chooseVariant, type Wishes } from './choose';
import type { HostOptions, RemovedRuntime, RuntimeHost } from './host';
import { installRuntime, removeRuntime, requirePrograms, runtimeFolder, verifyRuntime } from './install';

/** The runtimes of this machine. */
export class LocalRuntimes implements RuntimeHost {
  /** @param verifier path of the bundled `verifier.js` */
  constructor(readonly verifier: string) {}

  list(): Promise<readonly InstalledRuntime[]> {
    return Promise.resolve(INSTALLABLE.flatMap((name) => runtimeIn(runtimeFolder(name)) ?? []));
  }

  /** The id of the variant that fits this machine, which has what its installation needs. @throws UserError `runtime.*` */
  async choose(name: Installable, wishes: Wishes): Promise<string> {
    const variant = chooseVariant(name, await nvidiaGpus(), wishes);
    await requirePrograms(variant);
    return variant.id;
  }

  install(name: Installable, options: HostOptions): Promise<InstalledRuntime> {
    return installRuntime(name, { ...options, verifier: this.verifier });
  }

  verify(name: Installable, signal?: AbortSignal): Promise<boolean> {
    return verifyRuntime(name, this.verifier, signal);
  }

  remove(name: Installable): Promise<RemovedRuntime> {
    return removeRuntime(name);
  }
}
