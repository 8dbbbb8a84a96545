import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { UserError } from '../errors';
import type { Method } from './method';
import type { Registry } from './registry';
import { readRecord, type RunRecord } from './run-directory';
import { resolveSpec } from './spec';
import { setSpecValue } from './spec-edit';
import { SPEC_ENDING } from './spec-ending';
import { specPath } from './spec-path';
import { lineageOf } from './provenance';

type Settings = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Settings =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The run whose checkpoint it is, if it is one. @throws UserError `run.unreadable` */
export async function runOf(checkpoint: string): Promise<RunRecord | undefined> {
  const { path: folder, run } = lineageOf(checkpoint);
  return run === undefined ? undefined : readRecord(path.dirname(path.dirname(folder)));
}

/**
 * The method that goes on from a checkpoint.
 * @param name what a person asked for; else the method of the run that made it, else the only one there is
 * @throws UserError `spec.unknown-method`, `branch.no-model`, `branch.which-method`
 */
export function branchMethod(registry: Registry, name: string | undefined, from: RunRecord | undefined): Method {
  const able = registry.methods.filter(({ starting }) => starting.model);
  const names = able.map((method) => method.name).join(', ') || 'none';
  if (name !== undefined) {
    const method = registry.get(name);
    if (method.starting.model) return method;
    throw new UserError('branch.no-model', `"${name}" starts from no model.`, `Methods that do: ${names}.`);
  }
  const same = able.find((method) => method.name === from?.spec.method);
  const [only, ...others] = able;
  if (same ?? (only && others.length === 0)) return same ?? only!;
  throw new UserError(
    'branch.which-method',
    'Several methods go on from a model, or none.',
    `Choose with --method: ${names}.`,
  );
}

/**
 * The text of a spec that goes on from a checkpoint. Of the run that made it, a spec of the same method keeps all
 * settings that are not the default's; one of another method keeps the data alone, since learning rates and budgets of
 * one kind of training mislead in another.
 * @param file where the spec will lie: paths in it are relative to its folder
 * @returns JSON with a comment that says where it comes from
 * @throws UserError `branch.no-model`, `branch.incomplete` when the method needs settings that only a person knows
 */
export function branchSpec(
  method: Method,
  checkpoint: string,
  file: string,
  registry: Registry,
  from?: RunRecord,
): string {
  const { model, data } = method.starting;
  if (!model)
    throw new UserError('branch.no-model', `"${method.name}" starts from no model.`, 'Choose another method.');
  const values: [string, unknown][] = [
    ['name', path.basename(file).slice(0, -SPEC_ENDING.length)],
    ['method', method.name],
    [model.key, specPath(file, path.resolve(checkpoint))],
  ];
  if (from) {
    const config = rebased(from.spec.config, from.baseDir, file, data?.key) as Settings;
    const kept = from.spec.method === method.name ? unlikeDefaults(method, config) : dataOf(method, config);
    for (const [key, value] of leaves(kept)) if (key !== model.key) values.push([key, value]);
    const { provider, threads } = from.spec.device;
    if (provider !== 'cpu') values.push(['device.provider', provider]);
    if (threads !== availableParallelism()) values.push(['device.threads', threads]);
    if (from.spec.seed !== 0) values.push(['seed', from.spec.seed]);
  }
  const body = values.reduce((text, [key, value]) => setSpecValue(text, key, value), '{}').trimEnd();
  try {
    resolveSpec(JSON.parse(body), '', registry, (keys) => keys.map(String).join('.'));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const hint = 'Write the spec by hand; "winnow schema" lists the settings.';
    throw new UserError('branch.incomplete', `A branch with "${method.name}" needs more: ${error.message}`, hint, {
      cause: error,
    });
  }
  const origin = from
    ? `${path.basename(checkpoint)} of the run ${from.id} (${from.spec.name})`
    : path.basename(checkpoint);
  return `// From the checkpoint ${origin.replaceAll(/[\r\n]+/g, ' ')}.\n${body}\n`;
}

/** Settings of the method that differ from what a spec without them would get. */
function unlikeDefaults(method: Method, config: Settings): Settings {
  // Keys without a default are taken from the run until the rest can be filled in.
  let given: Settings = {};
  for (;;) {
    const parsed = method.config.safeParse(given);
    if (parsed.success) return difference(config, parsed.data, given);
    const missing = parsed.error.issues.map((issue) => String(issue.path[0])).filter((key) => !(key in given));
    if (missing.length === 0) return config;
    given = { ...given, ...Object.fromEntries(missing.map((key) => [key, config[key]])) };
  }
}

function difference(config: Settings, defaults: Settings, always: Settings = {}): Settings {
  const kept: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config)) {
    const usual = defaults[key];
    if (key in always) kept[key] = value;
    else if (isObject(value) && isObject(usual)) {
      const inner = difference(value, usual);
      if (Object.keys(inner).length > 0) kept[key] = inner;
    } else if (JSON.stringify(value) !== JSON.stringify(usual)) kept[key] = value;
  }
  return kept;
}

/** What two methods share of their data settings, where both read data. */
function dataOf(method: Method, config: Settings): Settings {
  const [key = ''] = method.starting.data?.key.split('.') ?? [];
  const { shape } = method.config;
  const schema = shape[key];
  if (!(key in config) || !schema || !('safeParse' in schema)) return {};
  const value = config[key];
  const alone = method.config.pick({ [key]: true });
  if (!alone.safeParse({ [key]: value }).success) return {};
  const defaults = alone.safeParse({});
  return difference({ [key]: value }, defaults.success ? defaults.data : {});
}

/**
 * Settings with their relative paths as seen from another spec's folder. Whether a text is a path, the disk tells; a
 * bare word is one only where the method says that data is named.
 */
function rebased(value: unknown, baseDir: string, file: string, dataKey: string | undefined, at = ''): unknown {
  if (path.dirname(path.resolve(file)) === path.resolve(baseDir)) return value;
  if (typeof value === 'string') {
    const named = /[\\/]/.test(value) || at === dataKey;
    const target = path.resolve(baseDir, value);
    return value !== '' && named && !path.isAbsolute(value) && existsSync(target) ? specPath(file, target) : value;
  }
  if (Array.isArray(value)) return value.map((inner) => rebased(inner, baseDir, file, dataKey, at));
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(
    ([key, inner]) => [key, rebased(inner, baseDir, file, dataKey, at === '' ? key : `${at}.${key}`)] as const,
  );
  return Object.fromEntries(entries);
}

/** Values by dotted key; a key with a dot in it, which no dotted key can name, keeps its object whole. */
function leaves(settings: Settings, prefix = ''): [string, unknown][] {
  return Object.entries(settings).flatMap(([key, value]): [string, unknown][] => {
    const dotted = prefix + key;
    const nested = isObject(value) && Object.keys(value).every((inner) => /^[^.]*[^.\d][^.]*$/.test(inner));
    return nested && Object.keys(value).length > 0 ? leaves(value, `${dotted}.`) : [[dotted, value]];
  });
}
