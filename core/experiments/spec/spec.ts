import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { PROVIDERS } from '../../engine/runtime/runtime';
import { UserError } from '../../errors';
import { refuseDeviceSettings } from './device-settings';
import { didYouMean } from './did-you-mean';
import { pathLike, placeInSpec, withCurrentKeys } from './former-keys';
import { isInexact, parseJsonText } from './json-text';
import type { Method } from '../method';
import type { Registry } from '../registry';
import { commonKeys, findUnknownKey, methodSchema } from './schema';

/** A spec with every default filled in, as stored in `run.json`: common keys, and the method's settings under `config`. */
export const resolvedSpec = z.object({
  name: z.string(),
  method: z.string(),
  seed: z.number(),
  device: z.object({
    provider: z.enum(PROVIDERS),
    threads: z.number(),
    /** The spec does not set the threads; the number is that of the machine that created the run. */
    auto: z.literal(true).optional(),
    /** Whether NVIDIA's libraries may use TF32, if the spec says. */
    tf32: z.boolean().optional(),
    /** What training steps compute in, if it is not float32. */
    precision: z.literal('float16').optional(),
  }),
  notes: z.string().optional(),
  tags: z.array(z.string()).optional(),
  config: z.record(z.string(), z.unknown()),
});
export type ResolvedSpec = z.output<typeof resolvedSpec>;

/** The device as far as the spec decides: what a run reports before its first start. */
export const expectedDevice = ({ provider, threads, tf32, precision }: ResolvedSpec['device']) => ({
  provider,
  threads,
  ...(tf32 !== undefined && { tf32 }),
  ...(precision && { precision }),
});

/** The device as a spec says it: without a number of threads that comes from a machine. */
export const namedDevice = ({ auto, threads, ...device }: ResolvedSpec['device']) => ({
  ...device,
  ...(!auto && { threads }),
});

/** A valid spec. */
export interface Spec {
  /** The file (absolute), and its folder, to which the paths in the spec are relative. */
  readonly file: string;
  readonly baseDir: string;
  readonly method: Method;
  readonly resolved: ResolvedSpec;
  /** The machine that the spec names. */
  readonly target?: string;
  /** One sentence for each setting given under a former name: where it is, and the current name. */
  readonly renamed: readonly string[];
}

/** A value given on the command line as `key.inner=value`: JSON if it parses exactly, else the text itself. */
export interface Override {
  readonly path: readonly string[];
  readonly value: unknown;
  readonly text: string;
}

/** @throws UserError `spec.bad-override` */
export function parseOverride(text: string): Override {
  const equals = text.indexOf('=');
  const keys = text.slice(0, Math.max(equals, 0)).split('.');
  if (keys.some((key) => key === '' || key === '__proto__'))
    throw new UserError(
      'spec.bad-override',
      l10n.t`"${text}" is not of the form key=value.`,
      l10n.t('For example: --set seed=1.'),
    );
  const right = text.slice(equals + 1);
  try {
    const value: unknown = JSON.parse(right);
    return { path: keys, value: typeof value === 'number' && isInexact(right.trim()) ? right : value, text };
  } catch {
    return { path: keys, value: right, text };
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function withOverride(value: unknown, keys: readonly string[], leaf: unknown): unknown {
  const [key, ...rest] = keys;
  if (key === undefined) return leaf;
  const object = isObject(value) ? value : {};
  return { ...object, [key]: withOverride(object[key], rest, leaf) };
}

/**
 * Reads and validates a spec. Does not start anything or read the files that it names.
 * @throws UserError `spec.*`, naming file, line, column and key
 */
export async function loadSpec(file: string, registry: Registry, overrides: readonly Override[] = []): Promise<Spec> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UserError(
      'spec.unreadable',
      l10n.t`Cannot read the spec ${file}.`,
      l10n.t('Check the path of the file.'),
      {
        cause: error,
      },
    );
  });
  if (text.includes('\0'))
    throw new UserError(
      'spec.unreadable',
      l10n.t`${file} is not UTF-8 text.`,
      l10n.t('Save it as UTF-8: Windows PowerShell writes UTF-16 with ">".'),
    );
  return parseSpec(text, file, registry, overrides);
}

/**
 * Like `loadSpec`, for text that may not be saved yet.
 * @param file where it is or will be: for error messages, and because paths in it are relative to its folder
 */
export function parseSpec(text: string, file: string, registry: Registry, given: readonly Override[] = []): Spec {
  const document = parseJsonText(text, file);
  const method = isObject(document.value) ? document.value.method : undefined;
  const former = registry.methods.find((one) => one.name === method)?.formerKeys;
  const overrides = given.map((override) => ({ ...override, path: pathLike(document.value, override.path, former) }));
  let value = document.value;
  for (const override of overrides) value = withOverride(value, override.path, override.value);
  const where = (keys: readonly PropertyKey[]) => {
    const isNew = valueAt(document.value, keys) === undefined;
    const override = overrides.findLast(
      ({ path: set }) => set.every((key, i) => key === keys[i]) || (isNew && keys.every((key, i) => key === set[i])),
    );
    return override ? `--set ${override.text}` : document.locate(keys);
  };
  const absolute = path.resolve(file);
  const name = path.basename(file).replace(/(\.winnow)?\.json$/, '');
  return { file: absolute, baseDir: path.dirname(absolute), ...resolveSpec(value, name, registry, where) };
}

/**
 * Validates the value of a spec and fills in the defaults.
 * @param where the position of a key, for error messages
 * @throws UserError `spec.*`
 */
export function resolveSpec(
  value: unknown,
  defaultName: string,
  registry: Registry,
  where: (keys: readonly PropertyKey[]) => string,
): Pick<Spec, 'method' | 'resolved' | 'target' | 'renamed'> {
  if (!isObject(value))
    throw new UserError(
      'spec.invalid',
      l10n.t`${where([])}: a spec is one JSON object.`,
      l10n.t('Start with {"method": …}.'),
    );
  refuseUnwritable(value, where);
  const methods = registry.methods.map((candidate) => candidate.name);
  if (typeof value.method !== 'string')
    throw new UserError(
      'spec.no-method',
      l10n.t`${where([])}: the spec names no method.`,
      l10n.t`Add "method": one of ${methods.join(', ')}.`,
    );
  if (!methods.includes(value.method))
    throw new UserError(
      'spec.unknown-method',
      l10n.t`${where(['method'])}: there is no method "${value.method}".`,
      didYouMean(value.method, methods) || l10n.t`The methods are: ${methods.join(', ')}.`,
    );
  const method = registry.get(value.method);
  const { settings, found } = withCurrentKeys(value, method.formerKeys, where);
  const whereNow = (keys: readonly PropertyKey[]) => where(placeInSpec(keys, found));
  const unknown = findUnknownKey(methodSchema(method), settings);
  if (unknown) throw unknownKey(unknown.path, unknown.known, whereNow);

  const own = Object.fromEntries(Object.entries(settings).filter(([key]) => !(key in commonKeys.shape)));
  const common = commonKeys.safeParse(settings);
  const config = method.config.safeParse(own);
  const issues = [...(common.error?.issues ?? []), ...(config.error?.issues ?? [])];
  if (!common.success || !config.success) throw invalid(issues, settings, whereNow);
  const { name = defaultName, seed, device, target, notes, tags } = common.data;
  refuseDeviceSettings(device, method, (key) => whereNow(['device', key]));
  const { threads, precision, ...named } = device;
  const others = { ...named, ...(precision === 'float16' && { precision }) };
  return {
    method,
    resolved: {
      name,
      method: method.name,
      seed,
      device:
        threads === undefined ? { ...others, threads: availableParallelism(), auto: true } : { ...others, threads },
      ...(notes === undefined ? {} : { notes }),
      ...(tags === undefined ? {} : { tags }),
      config: config.data,
    },
    ...(target === undefined ? {} : { target }),
    renamed: found.map(
      ({ path: place, now }) => l10n.t`${where(place)}: "${dotted(place)}" is now called "${dotted(now)}".`,
    ),
  };
}

/**
 * Refuses NUL, which ends a string for the operating system, and unpaired surrogates, which UTF-8 cannot encode. Neither can
 * be in a path, an argument or a file, and later errors could not say which setting it was.
 */
function refuseUnwritable(
  value: unknown,
  where: (keys: readonly PropertyKey[]) => string,
  keys: readonly string[] = [],
): void {
  if (typeof value === 'string') refuseText(value, () => l10n.t`${where(keys)}: the value of "${shown(keys)}"`);
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    const path = [...keys, key];
    refuseText(key, () => l10n.t`${where(path)}: the key "${shown(path)}"`);
    refuseUnwritable(inner, where, path);
  }
}

const shown = (keys: readonly string[]) => dotted(keys).replaceAll(/\0|\p{Surrogate}/gu, '\ufffd');

function refuseText(text: string, what: () => string): void {
  const problem = text.includes('\0')
    ? l10n.t('has a NUL character (\\u0000)')
    : /\p{Surrogate}/u.test(text)
      ? l10n.t('has half of a surrogate pair, which is not a character')
      : undefined;
  if (problem !== undefined)
    throw new UserError(
      'spec.invalid',
      `${what()} ${problem}.`,
      l10n.t('Remove it: it cannot be written to a file or passed to a program.'),
    );
}

const dotted = (keys: readonly PropertyKey[]) => keys.map(String).join('.');

function unknownKey(
  keys: readonly (string | number)[],
  known: readonly string[],
  where: (keys: readonly PropertyKey[]) => string,
): UserError {
  const hint = didYouMean(String(keys.at(-1)), known) || l10n.t`Known keys here: ${known.join(', ')}.`;
  return new UserError('spec.unknown-key', l10n.t`${where(keys)}: unknown key "${dotted(keys)}".`, hint);
}

function invalid(
  issues: readonly z.core.$ZodIssue[],
  value: unknown,
  where: (keys: readonly PropertyKey[]) => string,
): UserError {
  const sentences = issues.map((issue) => {
    const present = valueAt(value, issue.path);
    if (present === undefined) return l10n.t`${where(issue.path)}: "${dotted(issue.path)}" is missing.`;
    const shown = JSON.stringify(present);
    return l10n.t`${where(issue.path)}: "${dotted(issue.path)}" is ${shown.length > 60 ? `${shown.slice(0, 57)}…` : shown}: ${issue.message}.`;
  });
  const [first = '', ...others] = sentences;
  const hint =
    others.length > 0
      ? l10n.t`Also: ${others.join(' ')}`
      : l10n.t('Correct the value; "winnow schema" lists what is allowed.');
  return new UserError('spec.invalid', first, hint);
}

function valueAt(value: unknown, keys: readonly PropertyKey[]): unknown {
  let at = value;
  for (const key of keys) at = typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined;
  return at;
}
