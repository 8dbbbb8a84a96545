import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError, type Fix } from '../../errors';
import type { Continuation, Origin } from './branch-origin';
import { circumstances } from './circumstances';
import { leaves, rebased, unlikeDefaults, valueAt, withValue, type Settings } from '../spec/kept-settings';
import type { Registry } from '../registry';
import { recordedSettings } from '../spec/recorded-settings';
import { parseSpec, resolveSpec, type Override } from '../spec/spec';
import { setSpecValue } from '../spec/edit';
import { SPEC_ENDING } from '../spec/ending';
import { specPath } from '../spec/path';

export interface BranchOptions {
  /** Where the spec will be saved; paths in it are relative to its folder. */
  readonly file: string;
  /** Copy no settings from the run that made the checkpoint. */
  readonly fresh?: boolean;
  /** Values that the user has set; paths are relative to the spec. */
  readonly overrides?: readonly Override[];
}

/**
 * The text of a spec that starts from a checkpoint and can be run as it is. A spec of the same method keeps all non-default
 * settings of the run that made the checkpoint. A spec of another method keeps only the data, because learning rates and
 * budgets do not carry over from one kind of training to another. Settings that do not fit the model are adapted.
 *
 * @returns JSON with a comment that names the checkpoint
 * @throws UserError `branch.incomplete` if the method needs settings that only the user knows, `branch.cannot` if the method
 *   cannot start from this model
 */
export async function branchSpec(
  origin: Origin,
  { method, start }: Continuation,
  registry: Registry,
  { file, fresh = false, overrides = [] }: BranchOptions,
): Promise<string> {
  const { key } = start.model!;
  const parent = specPath(file, origin.model);
  const from = fresh ? undefined : origin.run;
  const begun = withValue(from ? inherited(from, { method, start }, registry, file) : {}, key, parent);
  const chosen = overrides.reduce((all, { path: keys, value }) => withValue(all, keys, value), begun);
  const config = cannot(method.name, origin, () => {
    const whole = complete({ method, start }, chosen, registry);
    return origin.known && method.fitTo ? (method.fitTo(whole, origin.known.config) as Settings) : whole;
  });
  const kept = unlikeDefaults(method, config, withValue({}, key, parent));
  const values: [string, unknown][] = [
    ['name', path.basename(file).slice(0, -SPEC_ENDING.length)],
    ['method', method.name],
    [key, parent],
    ...leaves(kept).filter(([leaf]) => leaf !== key),
    ...(from ? circumstances(from.spec) : []),
  ];
  const body = values.reduce((text, [leaf, value]) => setSpecValue(text, leaf, value), '{}').trimEnd();
  const fitting = await planned(body, origin, file, registry);
  const where = origin.run ? `${origin.name} of the run ${origin.run.id} (${origin.run.spec.name})` : origin.name;
  return `// From the checkpoint ${where.replaceAll(/[\r\n]+/g, ' ')}.\n${fitting}\n`;
}

/** The settings that a spec inherits from the run that made its model. */
function inherited(
  { spec, baseDir }: NonNullable<Origin['run']>,
  { method, start }: Continuation,
  registry: Registry,
  file: string,
): Settings {
  const before = registry.methods.find(({ name }) => name === spec.method);
  if (!before) return {};
  const settings = rebased(recordedSettings(spec.config, before), before, baseDir, file);
  if (before.name === method.name) return settings;
  // The same kind of data has another key in another method.
  const folder = (key: string | undefined) => key?.split('.').slice(0, -1).join('.') ?? '';
  const to = folder(start.data?.key);
  for (const { data } of before.starting) {
    const found = valueAt(settings, folder(data?.key));
    if (to === '' || found === undefined) continue;
    const moved = withValue({}, to, found);
    if (method.config.safeParse(moved).success) return moved;
  }
  return {};
}

/** @throws UserError `branch.incomplete` */
function complete({ method, start }: Continuation, settings: Settings, registry: Registry): Settings {
  try {
    const where = (keys: readonly PropertyKey[]) => keys.map(String).join('.');
    return resolveSpec({ method: method.name, ...settings }, '', registry, where).resolved.config;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const asked = start.ask?.[0]?.key ?? 'key';
    throw new UserError(
      'branch.incomplete',
      l10n.t`A branch with "${method.name}" needs more: ${error.message}`,
      l10n.t`Give it with --set ${asked}=…, or write the spec by hand; "winnow schema" lists the settings.`,
      { cause: error },
    );
  }
}

/** Errors about other files that the spec names are left for the user to fix. */
const OTHERS = /^(data|task|command)\./;
/** Each fix resolves one error. */
const MOST_FIXES = 5;

/** Applies fixes until the method plans the spec without an error about the model. @throws UserError `branch.cannot` */
async function planned(text: string, origin: Origin, file: string, registry: Registry): Promise<string> {
  let body = text;
  for (let fixes = 0; ; fixes++) {
    const { method, resolved, baseDir } = parseSpec(body, file, registry);
    const fix = await method.plan(method.config.parse(resolved.config), { baseDir }).then(
      () => undefined,
      (error: unknown): Fix | undefined => {
        if (!(error instanceof UserError)) throw error;
        const ofModel = error.code === 'data.block-too-long' || !OTHERS.test(error.code);
        if (!ofModel) return undefined;
        const [first] = error.fixes;
        if (first && fixes < MOST_FIXES) return first;
        throw impossible(method.name, origin, error);
      },
    );
    if (!fix) return body;
    body = setSpecValue(body, fix.key, fix.value).trimEnd();
  }
}

function cannot<Value>(method: string, origin: Origin, work: () => Value): Value {
  try {
    return work();
  } catch (error) {
    if (error instanceof UserError && error.code !== 'branch.incomplete') throw impossible(method, origin, error);
    throw error;
  }
}

const impossible = (method: string, { name }: Origin, error: UserError) =>
  new UserError('branch.cannot', l10n.t`"${method}" cannot start from ${name}: ${error.message}`, error.hint, {
    cause: error,
  });
