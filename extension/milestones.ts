import { setTimeout as sleep } from 'node:timers/promises';
import * as vscode from 'vscode';
import { MILESTONES, type Milestone } from './registry';

const KEPT = 'milestones';
/** Milliseconds. */
const PAUSES = [0, 500, 2_000, 5_000];

/** Completes the steps of the walkthrough once the user has really done them, in this window or an earlier one. */
export class Milestones {
  constructor(readonly memory: vscode.Memento) {}

  async reached(milestone: Milestone): Promise<void> {
    await tell(milestone, true);
    const kept = this.#kept();
    if (!kept.includes(milestone)) await this.memory.update(KEPT, [...kept, milestone]);
  }

  /**
   * Opens the walkthrough with its completed steps checked. VS Code only reacts to keys that change while it is open, so they
   * are reset first and set again afterwards.
   */
  async show(open: () => Thenable<unknown>): Promise<void> {
    const kept = this.#kept();
    await Promise.all(kept.map((milestone) => tell(milestone, false)));
    await open();
    // The command ends before the walkthrough listens, on a busy machine by seconds. A step that is checked stays so.
    for (const pause of PAUSES) {
      await sleep(pause);
      await Promise.all(kept.map((milestone) => tell(milestone, false)));
      await Promise.all(kept.map((milestone) => tell(milestone, true)));
    }
  }

  #kept(): readonly Milestone[] {
    return this.memory.get<readonly Milestone[]>(KEPT, []).filter((milestone) => milestone in MILESTONES);
  }
}

const tell = (milestone: Milestone, reached: boolean) =>
  vscode.commands.executeCommand('setContext', MILESTONES[milestone], reached);
