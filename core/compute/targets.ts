import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { readRecord, runPaths } from '../experiments/run/directory';
import { readMirror } from '../experiments/run/mirror-file';
import { readStatus } from '../experiments/run/status';
import type { Registry } from '../experiments/registry';
import { LocalCompute } from './local';
import { readRemotes, type Remote } from './remotes';
import { ShippedBundle } from './ssh/bundle';
import { SshClient, type SshOptions } from './ssh/client';
import { nodeSource } from './ssh/node-source';
import { SshCompute } from './ssh/ssh';
import type { ComputeTarget } from './target';

/** All available compute targets: this machine, and others by name. */
export class Targets {
  readonly #found = new Map<string, ComputeTarget>();

  /**
   * @param standard the target of runs that do not name one
   * @param others the other targets there are now; read when one is asked for
   */
  constructor(
    readonly standard: ComputeTarget,
    readonly others: () => Promise<readonly ComputeTarget[]> = () => Promise.resolve([]),
  ) {
    this.#found.set(standard.name, standard);
  }

  /** @throws UserError `target.unknown`, `remote.unreadable` */
  async get(name: string): Promise<ComputeTarget> {
    const known = this.#found.get(name);
    if (known) return known;
    const others = await this.others();
    const target = others.find((other) => other.name === name);
    if (target) {
      this.#found.set(name, target);
      return target;
    }
    const names = [this.standard, ...others].map((one) => one.name);
    throw new UserError(
      'target.unknown',
      l10n.t`There is no remote "${name}".`,
      l10n.t`You can run on: ${names.join(', ')}. "winnow remote add" adds a machine.`,
    );
  }

  /** The target that a run is on. @throws UserError `target.unknown`, `remote.unreadable` */
  async of(dir: string): Promise<ComputeTarget> {
    const name = await nameOf(dir);
    return name === undefined ? this.standard : this.get(name);
  }
}

/** Also works if `run.json` cannot be read, so that the run can still be stopped. */
async function nameOf(dir: string): Promise<string | undefined> {
  const ignore = () => undefined;
  return (
    (await readMirror(dir).catch(ignore))?.target ??
    (await readRecord(dir).catch(ignore))?.target ??
    (await readStatus(runPaths(dir).status).catch(ignore))?.worker?.target
  );
}

/** What targets on other machines need. */
export type TargetOptions = Partial<SshOptions>;

/**
 * All targets of this installation: the only place that names them.
 * @param worker path of the bundled `worker.js`
 */
export const installedTargets = (worker: string, registry: Registry, options: TargetOptions = {}): Targets =>
  new Targets(new LocalCompute(worker, registry), async () =>
    (await readRemotes()).map((remote) => sshTarget(remote, options)),
  );

export const sshTarget = (remote: Remote, options: TargetOptions = {}): SshCompute =>
  new SshCompute(
    remote,
    new SshClient(remote, {
      ssh: 'ssh',
      bundle: new ShippedBundle(),
      interactive: false,
      nodes: nodeSource(),
      ...options,
    }),
  );
