import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { readState, type StatusAndState } from '../experiments/run/state';
import type { RunStatus } from '../experiments/run/status';
import type { Plan } from '../experiments/method';
import type { RerunOf } from '../experiments/run/launch';
import type { Spec } from '../experiments/spec/spec';
import type { QueueView } from '../protocol/queue';
import type { Limited, Move } from '../workers/queue/state';
import type { DeviceInfo } from '../engine/devices/devices';
import type { Check } from './doctor';
import { fetchItem, type FetchOptions } from './fetch';
import { ONLY_ASKED, type FetchRule } from './fetch-rule';
import { RunMirror, type Verdict } from './mirror';
import { PIECE, type Origin } from './origin';
import { isAway, refreshed, type ComputeTarget, type Refreshed } from './target';

/** The common part of targets on other machines: the local run directory is a mirror of the one there. */
export abstract class MirroredCompute implements ComputeTarget {
  abstract readonly name: string;

  /** Access to the run directory on the target. */
  protected abstract originOf(dir: string): Promise<Origin>;

  /**
   * What is known about a run besides its last status: that it is waiting and for what, or that its worker is gone, for which
   * there must be positive evidence. Undefined if there is nothing to add, or nothing can be known.
   */
  protected abstract verdictOn(dir: string, status: RunStatus): Promise<Verdict | undefined>;

  abstract plan(spec: Spec, runsDir: string): Promise<Plan>;
  abstract create(spec: Spec, runsDir: string, of?: RerunOf): Promise<string>;
  abstract checkResumable(dir: string, options: { readonly allowChanged: boolean }): Promise<void>;
  abstract submit(dir: string): Promise<void>;
  abstract stop(dir: string, options: { readonly force: boolean }): Promise<void>;
  fetches?(): Promise<FetchRule>;
  abstract queue(): Promise<QueueView>;
  abstract moveInQueue(run: string, to: Move): Promise<string>;
  abstract limitQueue(device: Limited, runs: number | undefined): Promise<void>;
  abstract devices(): Promise<readonly DeviceInfo[]>;
  abstract doctor(folder: string): Promise<readonly Check[]>;

  async state(dir: string): Promise<StatusAndState> {
    try {
      await this.pull(dir);
    } catch (error) {
      if (!isAway(error)) throw error;
    }
    return readState(dir);
  }

  async refresh(dir: string): Promise<StatusAndState> {
    await this.pull(dir);
    return readState(dir);
  }

  async refreshAll(dirs: readonly string[]): Promise<Refreshed[]> {
    const found: Refreshed[] = [];
    for (const dir of dirs) found.push(await refreshed(dir, () => this.pull(dir)));
    return found;
  }

  async follow(dir: string, offset: number): Promise<Uint8Array> {
    const origin = await this.originOf(dir);
    return (await origin.read('events.jsonl', offset, PIECE)) ?? new Uint8Array();
  }

  async fetch(dir: string, item: string, options?: FetchOptions): Promise<string> {
    return fetchItem(dir, await this.originOf(dir), item, options);
  }

  /** @throws UserError `target.unreachable` */
  protected async pull(dir: string): Promise<void> {
    const mirror = new RunMirror(dir, await this.originOf(dir));
    await mirror.pull((status) => this.verdictOn(dir, status), { fetchesNone: this.fetchesNone });
  }

  protected readonly fetchesNone = async () => ((await this.fetches?.()) ?? ONLY_ASKED).which === 'asked';
}

/** Where a scheduler has the queue. */
export const noQueue = (name: string) =>
  new UserError(
    'queue.none',
    l10n.t`Winnow has no queue on ${name}: its scheduler decides what runs next.`,
    l10n.t('"winnow list" says what the runs wait for.'),
  );
