import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import type { Method, PlanContext } from '../../experiments/method';
import { checkKept, filesOfOthers } from './checkpoints';
import { CommandConfig, type MetricSource } from './config';
import { find } from './metrics/found';
import { matchOutput } from './metrics/pattern';
import { Neighbors } from './neighbors';
import { checkLaunch, folderOf, shownCommand } from './program/launch';
import { checkPlaceholders } from './program/placeholders';

export const command: Method<CommandConfig> = {
  name: 'command',
  title: 'Any program',
  summary:
    'Runs your own script, in any language, as an experiment: parameters, metrics from what it prints or writes, checkpoints, stop and resume.',
  starting: [
    {
      model: { key: 'parent', without: 'None' },
      ask: [{ key: 'command', prompt: 'Which command starts the program?', placeholder: 'python train.py' }],
      budgets: [
        {
          label: 'No changes',
          detail: 'The program decides how long it takes',
          values: { parameters: {}, metrics: [{ from: 'output' }], checkpoints: [] },
        },
      ],
    },
  ],
  paths: ['cwd', 'parent'],
  programFolder: 'cwd',
  errorKeys: { command: 'command', 'command.no-input': 'inputs', 'command.bad-pattern': 'metrics' },
  config: CommandConfig,
  ownProgram: true,
  programEnvironment: ({ environment }) => environment,
  async plan(config, context) {
    await checkLaunch(config, context.baseDir);
    config.metrics.forEach(checkSource);
    for (const pattern of config.checkpoints) checkPlaceholders(pattern);
    if (config.parent !== undefined) await checkParent(config.parent, context);
    await inputsOf(config, context);
    const warning = await checkpointWarning(config, context);
    return {
      stages: [
        l10n.t`run ${shownCommand(config)} in ${folderOf(config, context.baseDir)}`,
        config.metrics.length > 0
          ? l10n.t`metrics from ${config.metrics.map(shownSource).join(', ')}`
          : l10n.t('metrics from nothing: the list "metrics" is empty'),
        ...(config.checkpoints.length > 0 ? [l10n.t`checkpoints: ${config.checkpoints.join(', ')}`] : []),
      ],
      ...(warning !== undefined && { warnings: [warning] }),
    };
  },
  checkResumable: checkKept,
  run: async (config, context) => (await import('./pipeline')).runCommand(config, context),
  async fingerprint(config, context) {
    const cwd = folderOf(config, context.baseDir);
    const files = await inputsOf(config, context);
    return Object.fromEntries(
      await Promise.all(files.map(async (file) => [path.relative(cwd, file), await sha256(file)] as const)),
    );
  },
  parents: (config, { baseDir }) => (config.parent === undefined ? [] : [path.resolve(baseDir, config.parent)]),
};

/** @throws UserError `command.bad-pattern`, naming the key; `command.unknown-placeholder` */
function checkSource(source: MetricSource, index: number): void {
  if (source.from !== 'output') {
    checkPlaceholders(source.files);
    return;
  }
  if (source.pattern === undefined) return;
  try {
    matchOutput(source.pattern);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    throw new UserError(error.code, l10n.t`metrics.${index}.pattern: ${error.message}`, error.hint, { cause: error });
  }
}

function shownSource(source: MetricSource): string {
  if (source.from !== 'output') return source.files;
  return source.pattern === undefined ? l10n.t('what it prints') : l10n.t`what it prints (${source.pattern})`;
}

/**
 * Warns about files of other runs that would be overwritten. Globs with placeholders are skipped: the run's own folder
 * does not exist yet.
 */
async function checkpointWarning(
  config: CommandConfig,
  { baseDir, runsDir }: PlanContext,
): Promise<string | undefined> {
  const globs = config.checkpoints.filter((glob) => !glob.includes('${'));
  if (runsDir === undefined || globs.length === 0) return undefined;
  const files = await find(globs, [folderOf(config, baseDir)], { directories: true, without: runsDir });
  return filesOfOthers(files, new Neighbors(runsDir));
}

async function checkParent(parent: string, { baseDir }: PlanContext): Promise<void> {
  const file = path.resolve(baseDir, parent);
  const there = await stat(file).then(
    () => true,
    () => false,
  );
  if (!there)
    throw new UserError('model.not-found', l10n.t`There is no checkpoint ${file}.`, l10n.t('Correct "parent".'));
}

/** @throws UserError `command.no-input` */
async function inputsOf(config: CommandConfig, { baseDir }: PlanContext): Promise<string[]> {
  const cwd = folderOf(config, baseDir);
  const files = new Set<string>();
  for (const pattern of config.inputs) {
    const found = await find([pattern], [cwd], { directories: false, without: path.join(cwd, 'runs') });
    if (found.length === 0)
      throw new UserError(
        'command.no-input',
        l10n.t`No file matches the input ${pattern} in ${cwd}.`,
        l10n.t('Correct "inputs".'),
      );
    for (const file of found) files.add(file);
  }
  return [...files];
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
