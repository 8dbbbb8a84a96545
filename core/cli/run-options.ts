import { type Command, Option } from 'commander';

export interface JsonOption {
  readonly json?: true;
}
export interface RunsOption extends JsonOption {
  readonly runsDir: string;
}

export const withJson = (command: Command) => command.addOption(new Option('--json', 'print JSON for scripts'));

export const withRuns = (command: Command) =>
  withJson(command).addOption(new Option('--runs-dir <folder>', 'the folder that holds the runs').default('runs'));

export const collect = (value: string, all: string[] = []) => [...all, value];
