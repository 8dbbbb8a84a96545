import * as vscode from 'vscode';
import { MILESTONES, type Milestone } from './registry';

/** Something that the walkthrough shows was really done: its step is ticked, and stays so. */
export async function reached(milestone: Milestone): Promise<void> {
  await vscode.commands.executeCommand('setContext', MILESTONES[milestone], true);
}
