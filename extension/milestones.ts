import * as vscode from 'vscode';
import { MILESTONES, type Milestone } from './registry';

const KEPT = 'milestones';

/** Ticks the steps of the walkthrough by what was really done, in this window or before. */
export class Milestones {
  constructor(readonly memory: vscode.Memento) {}

  async reached(milestone: Milestone): Promise<void> {
    await tell(milestone, true);
    const kept = this.#kept();
    if (!kept.includes(milestone)) await this.memory.update(KEPT, [...kept, milestone]);
  }

  /**
   * Opens the walkthrough with its steps ticked. VS Code looks at it only from then on, and passes over a key that is set
   * already: they are set anew.
   */
  async show(open: () => Thenable<unknown>): Promise<void> {
    const kept = this.#kept();
    await Promise.all(kept.map((milestone) => tell(milestone, false)));
    await open();
    await Promise.all(kept.map((milestone) => tell(milestone, true)));
  }

  #kept(): readonly Milestone[] {
    return this.memory.get<readonly Milestone[]>(KEPT, []).filter((milestone) => milestone in MILESTONES);
  }
}

const tell = (milestone: Milestone, reached: boolean) =>
  vscode.commands.executeCommand('setContext', MILESTONES[milestone], reached);
