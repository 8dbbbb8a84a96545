import type { Command } from 'commander';
import type { Targets } from '../compute/targets';
import type { Registry } from '../experiments/registry';

/** The dependencies of the commands: provided by `cli.ts`, and by tests with their own methods. */
export interface CliContext {
  readonly registry: Registry;
  readonly targets: Targets;
}

/** Adds one command (or a group of commands) to the program; `commands.ts` lists them in the order of the help. */
export type AddCommand = (program: Command, context: CliContext) => void;

/** Exit codes besides 0. */
export const FAILED = 1;
export const USAGE = 2;
export const INTERRUPTED = 130;
