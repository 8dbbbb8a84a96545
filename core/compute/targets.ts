import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { readRecord, runPaths } from '../experiments/run/directory';
import { readMirror } from '../experiments/run/mirror-file';
import { readStatus } from '../experiments/run/status';
import { LocalCompute } from './local';
import type { ComputeTarget } from './target';

/** The places where runs can run. */
export class Targets {
  readonly #byName: ReadonlyMap<string, ComputeTarget>;

  /** @param standard where a run runs that names no other */
  constructor(
    readonly standard: ComputeTarget,
    ...others: readonly ComputeTarget[]
  ) {
    this.#byName = new Map([standard, ...others].map((target) => [target.name, target]));
  }

  /** @throws UserError `target.unknown` */
  get(name: string): ComputeTarget {
    const target = this.#byName.get(name);
    if (target) return target;
    throw new UserError(
      'target.unknown',
      l10n.t`There is no compute target "${name}" here.`,
      l10n.t`The targets are: ${[...this.#byName.keys()].join(', ')}. A newer version of Winnow may have made the run.`,
    );
  }

  /** The target that a run is on. @throws UserError `target.unknown` */
  async of(dir: string): Promise<ComputeTarget> {
    const name = await nameOf(dir);
    return name === undefined ? this.standard : this.get(name);
  }
}

/** Also of a run whose `run.json` cannot be read: it can still be stopped. */
async function nameOf(dir: string): Promise<string | undefined> {
  const ignore = () => undefined;
  return (
    (await readMirror(dir).catch(ignore))?.target ??
    (await readRecord(dir).catch(ignore))?.target ??
    (await readStatus(runPaths(dir).status).catch(ignore))?.worker?.target
  );
}

/** All targets of this installation: the one place that names them. @param worker path of the bundled `worker.js` */
export const installedTargets = (worker: string): Targets => new Targets(new LocalCompute(worker));
