import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { makeFolder } from '../../files';
import type { ModelEvaluation, RunContext } from '../method';
import type { Registry } from '../registry';
import { readRecord, runPaths } from './directory';
import { assertUnchanged, checkDevice, deviceOf, methodOf } from './launch';
import { readState } from './state';

/**
 * Evaluates a model as a run evaluated its own, so that the numbers can stand beside those of its results.
 * @param dir the run directory
 * @param model a checkpoint folder
 * @throws UserError `evaluate.cannot` if the method of the run cannot; `evaluate.changed` if the model or the data of the run
 *   are not those that it was made with; `run.*`, `device.unavailable`, and those of the method
 */
export async function evaluateAsRun(
  dir: string,
  registry: Registry,
  model: string,
  { signal, log = () => undefined }: { readonly signal: AbortSignal; readonly log?: RunContext['log'] },
): Promise<ModelEvaluation> {
  const record = await readRecord(dir);
  const { method, config } = methodOf(record.spec, registry);
  if (!method.evaluate)
    throw new UserError(
      'evaluate.cannot',
      l10n.t`A run of the method "${method.name}" cannot evaluate a model that it has not made.`,
      l10n.t('Leave out the evaluation.'),
    );
  const { status } = await readState(dir);
  const device = deviceOf(record.spec, status);
  await checkDevice(method, device);
  assertUnchanged(
    record,
    await method.fingerprint(config, { baseDir: record.baseDir }),
    'evaluate.changed',
    l10n.t('Restore the files, or leave out the evaluation.'),
  );
  const paths = runPaths(dir);
  await makeFolder(paths.cache);
  const context: RunContext = {
    dir,
    baseDir: record.baseDir,
    checkpointsDir: paths.checkpoints,
    artifactsDir: paths.artifacts,
    cacheDir: paths.cache,
    seed: record.spec.seed,
    device,
    signal,
    emit: () => undefined,
    log,
  };
  return method.evaluate(config, context, model);
}
