import { setTimeout as sleep } from 'node:timers/promises';
import { StringDecoder } from 'node:string_decoder';
import type { ComputeTarget } from '../compute/target';
import { runPaths } from '../experiments/run/directory';
import { RunStore } from '../experiments/library/store';
import { isUnderway } from '../protocol/runs';
import { openToRead, readText } from '../read-text';
import type { AddCommand } from './context';
import { hasColors, print, printJson, toJson } from './output';
import { ProgramText } from './program-text';
import { withRuns, type RunsOption } from './run-options';
import { readerGone, write } from './terminal';

const POLL = 300;

/** Passes the log's text on as it grows, until the run has ended. */
async function followLog(
  dir: string,
  target: Pick<ComputeTarget, 'state'>,
  show: (text: string) => void,
): Promise<void> {
  const paths = runPaths(dir);
  const decoder = new StringDecoder('utf8');
  const file = await openToRead(paths.log);
  try {
    const buffer = Buffer.alloc(64 * 1024);
    for (;;) {
      const { state } = await target.state(dir);
      for (;;) {
        const { bytesRead } = await file.read(buffer, 0, buffer.length, null);
        if (bytesRead === 0) break;
        show(decoder.write(buffer.subarray(0, bytesRead)));
      }
      if (readerGone() || !isUnderway(state)) return;
      await sleep(POLL);
    }
  } finally {
    await file.close();
  }
}

export const addLogs: AddCommand = (program, { targets }) => {
  withRuns(program.command('logs <run>'))
    .description('what the worker printed (with --follow --json: one JSON object per chunk)')
    .option('-f, --follow', 'keep printing as the log grows')
    .action(async (reference: string, options: RunsOption & { follow?: true }) => {
      const dir = await new RunStore(options.runsDir).find(reference);
      const shown = new ProgramText(hasColors(process.stdout));
      if (options.follow) {
        await followLog(dir, await targets.of(dir), (text) => {
          if (options.json) print(toJson({ text }));
          else write(shown.add(text));
        });
        if (!options.json) write(shown.end());
      } else {
        const text = await readText(runPaths(dir).log);
        if (options.json) printJson({ text });
        else write(shown.add(text) + shown.end());
      }
    });
};
