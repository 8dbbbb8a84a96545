import { availableParallelism } from 'node:os';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { hasTf32, tf32InEnvironment } from '../../engine/runtime/tf32';
import type { Device } from '../../engine/runtime/runtime';
import type { Method, Plan, RunContext } from '../method';
import { recordedSettings } from '../spec/recorded-settings';
import { WINNOW_VERSION } from './machine';
import { plannedMemory } from './memory';
import { gitOf, lineageOf } from './provenance';
import { RECORD_VERSION } from './record';
import type { Registry } from '../registry';
import { createRunDirectory, newRunId, type Lineage, type RunRecord } from './directory';
import { valueAt } from '../spec/kept-settings';
import { REMOTE_PATH } from '../spec/remote-path';
import { expectedDevice, type ResolvedSpec, type Spec } from '../spec/spec';
import { LOCAL } from '../../workers/worker';
import type { RunStatus } from './status';

/** The method of a resolved spec, and the config in the method's type. @throws UserError `run.incompatible` */
export function methodOf(spec: ResolvedSpec, registry: Registry): { method: Method; config: unknown } {
  const method = registry.get(spec.method);
  const config = method.config.safeParse(recordedSettings(spec.config, method));
  if (config.success) return { method, config: config.data };
  const issue = config.error.issues[0];
  throw new UserError(
    'run.incompatible',
    l10n.t`This version of Winnow cannot run the settings of "${spec.name}": ${issue?.path.map(String).join('.') ?? ''}: ${issue?.message ?? ''}.`,
    l10n.t('Use the version of Winnow recorded in run.json, or start a new run from a spec.'),
  );
}

/**
 * Checks that the device that a run asks for is available on this machine now. Who plans or creates a run to be executed here calls
 * it first; where others execute it, such as the nodes of a cluster, the worker does.
 * @throws UserError `device.unavailable`, `device.precision`
 */
export async function checkDevice(
  { ownProgram }: Method,
  { provider, precision }: Pick<Device, 'provider' | 'precision'>,
): Promise<void> {
  if (provider === 'cpu' || ownProgram) return;
  // The engine is only loaded if it has to be asked.
  const { requireDevice, requireFloat16 } = await import('../../engine/devices/devices');
  await requireDevice(provider);
  if (precision === 'float16') await requireFloat16(provider);
}

/** A run keeps the number of threads of its first attempt, and whether that used TF32, because the bits depend on them. */
export function deviceOf({ device }: ResolvedSpec, { attempt, device: before }: RunStatus): RunContext['device'] {
  const { provider, threads, auto, precision } = device;
  const first = attempt > 0 ? before : undefined;
  return {
    provider,
    threads: auto ? (first?.threads ?? availableParallelism()) : threads,
    ...(hasTf32(provider) && { tf32: device.tf32 ?? first?.tf32 ?? tf32InEnvironment() }),
    ...(precision && { precision }),
  };
}

/** @throws UserError `spec.remote-path` */
function refuseRemotePaths({ paths = [] }: Method, { config }: ResolvedSpec): void {
  for (const key of paths)
    for (const value of [valueAt(config, key)].flat())
      if (typeof value === 'string' && value.startsWith(REMOTE_PATH))
        throw new UserError(
          'spec.remote-path',
          l10n.t`"${key}" is a path on another machine: ${value}.`,
          l10n.t('Run it there: set "target" in the spec, or use "winnow run --on <remote>".'),
        );
}

/**
 * What a spec would do and cost on this machine; starts nothing.
 * @param runsDir the folder that would hold its run
 * @param memory `comparedMemory` if this machine would execute it
 * @throws UserError `spec.remote-path`, and the errors of the method's plan
 */
export async function planSpec(spec: Spec, runsDir: string, memory = plannedMemory): Promise<Plan> {
  return { ...(await planOf(spec, runsDir)), ...(await memory(spec)) };
}

async function planOf({ method, resolved, baseDir }: Spec, runsDir: string): Promise<Omit<Plan, 'memory'>> {
  refuseRemotePaths(method, resolved);
  const context = { baseDir, runsDir: path.resolve(runsDir), threads: resolved.device.threads };
  return method.plan(method.config.parse(resolved.config), context);
}

/** What a run that repeats another one takes over from it. */
export interface RerunOf {
  readonly record: Pick<RunRecord, 'id' | 'fingerprints'> & Partial<Pick<RunRecord, 'parents'>>;
  /** Even if the model or the data have changed. */
  readonly allowChanged: boolean;
}

/**
 * Creates a run directory for a spec, after its method has checked the files that the spec names. Starts nothing.
 * @param target the compute target that will execute it
 * @param of the run that this one repeats, if it does
 * @returns the directory, absolute
 * @throws UserError as `planSpec`, or `disk.*`; `rerun.changed` if the model or the data have changed
 */
export async function createRun(spec: Spec, runsDir: string, target: string = LOCAL, of?: RerunOf): Promise<string> {
  const { method, resolved, baseDir } = spec;
  const config = method.config.parse(resolved.config);
  await planOf(spec, runsDir);
  const created = Date.now();
  const fingerprints = await method.fingerprint(config, { baseDir });
  if (of && !of.allowChanged) assertUnchanged(of.record, fingerprints, 'rerun.changed');
  return createRunDirectory(runsDir, {
    v: RECORD_VERSION,
    id: newRunId(method.name, created),
    created,
    target,
    spec: resolved,
    specFile: spec.file,
    baseDir,
    winnow: WINNOW_VERSION,
    git: await gitOf(spec.file),
    fingerprints,
    parents: of?.record.parents ?? parentsOf(spec),
    ...(of && { rerunOf: of.record.id }),
  });
}

/** The checkpoints that a spec starts from. */
export const parentsOf = ({ method, resolved, baseDir }: Spec): Lineage[] =>
  (method.parents?.(method.config.parse(resolved.config), { baseDir }) ?? []).map(lineageOf);

/**
 * The spec of a run, to be run again: the resolved spec, seed and number of threads.
 * @param device what the run computed on, if it ever started
 * @throws UserError `run.incompatible`
 */
export function specOf(of: RunRecord, registry: Registry, device?: RunStatus['device']): Spec {
  const { method, config } = methodOf(of.spec, registry);
  const resolved = {
    ...of.spec,
    config: config as ResolvedSpec['config'],
    ...(device && { device: rerunDevice(of.spec, device) }),
  };
  return { file: of.specFile, baseDir: of.baseDir, method, resolved, renamed: [] };
}

/** The same in all that was decided when the run started. */
function rerunDevice({ device }: ResolvedSpec, { threads, tf32 }: RunStatus['device']): ResolvedSpec['device'] {
  return { ...expectedDevice(device), threads, ...(tf32 !== undefined && { tf32 }) };
}

/**
 * Refuses to resume a run on changed data, because nobody could reproduce its result.
 * @param dir the run directory
 * @throws UserError `resume.changed` (unless `allowChanged`), and those of the method's own check
 */
export async function checkResumable(
  dir: string,
  record: RunRecord,
  registry: Registry,
  options: { allowChanged: boolean },
): Promise<void> {
  const { method, config } = methodOf(record.spec, registry);
  await method.checkResumable?.(dir);
  if (options.allowChanged) return;
  assertUnchanged(record, await method.fingerprint(config, { baseDir: record.baseDir }), 'resume.changed');
}

/**
 * Checks that the model and the data of a run are those that it was made with.
 * @param hint what to do if they are not
 * @throws UserError `code`
 */
export function assertUnchanged(
  of: Pick<RunRecord, 'id' | 'fingerprints'>,
  now: Readonly<Record<string, string>>,
  code: string,
  hint: string = l10n.t('Restore the files, or use --allow-changed to continue with the changed ones.'),
): void {
  const names = [...new Set([...Object.keys(of.fingerprints), ...Object.keys(now)])];
  const changed = names.filter((name) => of.fingerprints[name] !== now[name]);
  if (changed.length === 0) return;
  throw new UserError(
    code,
    l10n.t`${changed.join(` ${l10n.t('and')} `)} changed since the run ${of.id} was made, so its result cannot be repeated.`,
    hint,
  );
}
