import * as l10n from '@vscode/l10n';
import type { Installable, InstalledRuntime } from '../../engine/runtime/installed';
import { UserError } from '../../errors';
import { variantNamed } from '../../runtimes/catalog';
import type { HostOptions, RemovedRuntime, RuntimeHost } from '../../runtimes/host';
import { archiveName } from '../../runtimes/npm-registry';
import { withWheels } from '../../runtimes/wheels';
import { treeOf } from '../agent/manifest';
import type { SshClient } from './client';

const KIND = 'wheels';

/** A machine without a way out: its files come from this one. */
const NO_WAY_OUT = new Set(['runtime.not-found', 'runtime.download']);

/** The runtimes of a remote. It downloads them itself, or gets them from this machine if it has no internet. */
export class SshRuntimes implements RuntimeHost {
  constructor(readonly client: SshClient) {}

  async list(): Promise<readonly InstalledRuntime[]> {
    return (await this.client.agent()).call('runtimes', {});
  }

  install(name: Installable, options: HostOptions): Promise<InstalledRuntime> {
    return this.#until(options.signal, () => this.#install(name, options));
  }

  async #install(name: Installable, options: HostOptions): Promise<InstalledRuntime> {
    const agent = await this.client.agent();
    const { variant: wish, elsewhere, verify = true, onProgress } = options;
    const id = await agent.call('chooseRuntime', {
      name,
      wishes: { verify, ...(wish !== undefined && { variant: wish }), ...(elsewhere && { elsewhere }) },
    });
    const variant = variantNamed(id);
    const request = { name, variant: id, verify };
    const atWork = () => onProgress?.({ stage: 'remote', what: variant.title(), done: 0, total: 0 });
    atWork();
    // Addresses and folders that are named are those of this machine.
    const fromHere = options.wheels !== undefined || options.indexes !== undefined;
    if (!fromHere)
      try {
        return await agent.call('installRuntime', { ...request, wheels: null });
      } catch (error) {
        if (!(error instanceof UserError && NO_WAY_OUT.has(error.code))) throw error;
      }
    return withWheels(variant, 0, options, async (files) => {
      // By name: a package may be in several places.
      const named = new Map([
        ...[...files.wheels].map(([{ file }, from]) => [file, from] as const),
        ...[...files.archives].map(([one, from]) => [archiveName(one), from] as const),
      ]);
      const tree = await treeOf([...named].map(([file, from]) => ({ path: file, from })));
      const there = await agent.send(tree, { kind: KIND }, this.client.tell(l10n.t`Sending ${variant.title()}`));
      atWork();
      const installed = await agent.call('installRuntime', { ...request, wheels: there });
      await agent.call('forget', { kind: KIND, name: tree.name, blobs: tree.files.map(({ sha256 }) => sha256) });
      return installed;
    });
  }

  verify(name: Installable, signal?: AbortSignal): Promise<boolean> {
    return this.#until(signal, async () => (await this.client.agent()).call('verifyRuntime', { name }));
  }

  async remove(name: Installable): Promise<RemovedRuntime> {
    return (await this.client.agent()).call('removeRuntime', { name });
  }

  /** Work that ends with the connection if it is aborted: the agent on the other side ends with it. */
  async #until<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    if (!signal) return work();
    signal.throwIfAborted();
    let onAbort: (() => void) | undefined;
    const aborted = new Promise<never>((_resolve, reject) => {
      onAbort = () => {
        void this.client.close();
        reject(signal.reason as Error);
      };
      signal.addEventListener('abort', onAbort);
    });
    try {
      const working = work();
      // It fails, too, when the connection is closed under it.
      working.catch(() => undefined);
      return await Promise.race([working, aborted]);
    } finally {
      signal.removeEventListener('abort', onAbort!);
    }
  }
}
