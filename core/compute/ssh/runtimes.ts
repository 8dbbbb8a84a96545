import * as l10n from '@vscode/l10n';
import type { Installable, InstalledRuntime } from '../../engine/runtime/installed';
import { UserError } from '../../errors';
import { variantNamed } from '../../runtimes/catalog';
import type { RuntimeHost } from '../../runtimes/host';
import { fetchWheels, type InstallOptions } from '../../runtimes/install';
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

  async install(name: Installable, options: Omit<InstallOptions, 'verifier'>): Promise<InstalledRuntime> {
    const agent = await this.client.agent();
    const { variant: wish, elsewhere, verify = true, signal, onProgress } = options;
    const variant = await agent.call('chooseRuntime', {
      name,
      wishes: { ...(wish !== undefined && { variant: wish }), ...(elsewhere && { elsewhere }) },
    });
    const request = { name, variant, verify };
    onProgress?.({ stage: 'remote', what: variantNamed(variant).title(), done: 0, total: 0 });
    // Addresses and folders that are named are those of this machine.
    const fromHere = options.wheels !== undefined || options.indexes !== undefined;
    if (!fromHere)
      try {
        return await agent.call('installRuntime', { ...request, wheels: null });
      } catch (error) {
        if (!(error instanceof UserError && NO_WAY_OUT.has(error.code))) throw error;
      }
    signal?.throwIfAborted();
    const wheels = await fetchWheels(variantNamed(variant), options);
    const tree = await treeOf([...wheels].map(([path, from]) => ({ path, from })));
    const there = await agent.send(
      tree,
      { kind: KIND },
      this.client.tell(l10n.t`Sending ${variantNamed(variant).title()}`),
    );
    onProgress?.({ stage: 'remote', what: variantNamed(variant).title(), done: 0, total: 0 });
    const installed = await agent.call('installRuntime', { ...request, wheels: there });
    await agent.call('forget', { kind: KIND, name: tree.name, blobs: tree.files.map(({ sha256 }) => sha256) });
    return installed;
  }

  async verify(name: Installable): Promise<boolean> {
    return (await this.client.agent()).call('verifyRuntime', { name });
  }

  async remove(name: Installable): Promise<InstalledRuntime> {
    return (await this.client.agent()).call('removeRuntime', { name });
  }
}
