import * as l10n from '@vscode/l10n';
import { UserError } from '../errors';
import { readRecord, runPaths } from '../experiments/run/directory';
import type { RunEvent } from '../protocol/events';
import { checkDevice, methodOf } from '../experiments/run/launch';
import { readState } from '../experiments/run/state';
import { RunStore } from '../experiments/library/store';
import { makeFolder } from '../files';
import { isActive } from '../protocol/runs';
import { INTERRUPTED, type AddCommand } from './context';
import { print, printJson } from './output';
import { reporterFor, silent } from './progress';
import { withRuns, type RunsOption } from './run-options';

/**
 * Runs one trial of a run in this process and writes its file. Whoever starts trials must ensure that no trial is run
 * twice at once. A worker that is started on the run later finds the finished trials and collects them.
 */
export const addTrial: AddCommand = (program, { registry }) => {
  // For schedulers, not for users: it is documented in core/comparison/README.md.
  withRuns(program.command('trial <run> <name>', { hidden: true }))
    .description('do one trial of a run in this process, alone')
    .action(async (reference: string, name: string, options: RunsOption) => {
      const dir = await new RunStore(options.runsDir).find(reference);
      const record = await readRecord(dir);
      const { method, config } = methodOf(record.spec, registry);
      if (!method.trials)
        throw new UserError(
          'trial.none',
          l10n.t`Runs of ${method.name} are not made of trials.`,
          l10n.t('Run it as a whole with "winnow resume".'),
        );
      const { state } = await readState(dir);
      if (isActive(state))
        throw new UserError(
          'trial.run-active',
          l10n.t`A worker works on the run ${record.id}.`,
          l10n.t('It does the trials itself. Stop it first, to do them one by one.'),
        );
      await checkDevice(method, record.spec.device);
      const paths = runPaths(dir);
      for (const folder of [paths.checkpoints, paths.artifacts, paths.cache]) await makeFolder(folder);
      const reporter = options.json ? silent : reporterFor(process.stdout);
      const stop = new AbortController();
      const onSignal = () => {
        stop.abort();
      };
      process.on('SIGINT', onSignal);
      process.on('SIGTERM', onSignal);
      try {
        await method.run(config, {
          dir,
          baseDir: record.baseDir,
          checkpointsDir: paths.checkpoints,
          artifactsDir: paths.artifacts,
          cacheDir: paths.cache,
          seed: record.spec.seed,
          device: record.spec.device,
          signal: stop.signal,
          emit: (event: RunEvent) => {
            reporter.event({ ...event, v: 1, time: Date.now(), attempt: 0 });
          },
          log: (text) => {
            reporter.line(text);
          },
          trial: name,
        });
      } catch (error) {
        if (error !== stop.signal.reason) throw error;
        process.exitCode = INTERRUPTED;
        return;
      } finally {
        reporter.end();
        process.off('SIGINT', onSignal);
        process.off('SIGTERM', onSignal);
      }
      if (options.json) printJson({ trial: name, run: record.id, done: true });
      else print(`The trial ${name} is done.`);
    });
};
