import { availableParallelism } from 'node:os';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { UserError, type Fix } from '../../errors';
import type { Continuation, Origin } from './branch-origin';
import { leaves, rebased, unlikeDefaults, valueAt, withValue, type Settings } from '../spec/kept-settings';
import type { Registry } from '../registry';
import { withCurrentKeys } from '../spec/former-keys';
import { parseSpec, resolveSpec, type Override } from '../spec/spec';
import { setSpecValue } from '../spec/edit';
import { SPEC_ENDING } from '../spec/ending';
import { specPath } from '../spec/path';

export interface BranchOptions {
  /** Where the spec will lie: paths in it are relative to its folder. */
  readonly file: string;
  /** Nothing is taken over from the run that made the checkpoint. */
  readonly fresh?: boolean;
  /** Values that a person has chosen; paths are relative to the spec. */
  readonly overrides?: readonly Override[];
}

/**
 * The text of a spec that goes on from a checkpoint, and can be run as it is. Of the run that made it, a spec of the same
 * method keeps all settings that are not the default's; one of another method keeps the data alone, since learning rates
 * and budgets of one kind of training mislead in another. What does not fit the model is made to fit.
 *
 * @returns JSON with a comment that says where it comes from
 * @throws UserError `branch.incomplete` when the method needs settings that only a person knows, `branch.cannot` when it can
 *   do nothing with this model
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

/** What a spec takes over from the run that made its model. */
function inherited(
  { spec, baseDir }: NonNullable<Origin['run']>,
  { method, start }: Continuation,
  registry: Registry,
  file: string,
): Settings {
  const before = registry.methods.find(({ name }) => name === spec.method);
  if (!before) return {};
  const settings = rebased(withCurrentKeys(spec.config, before.formerKeys).settings, before, baseDir, file);
  if (before.name === method.name) return settings;
  // The same kind of data under another key is the same data.
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

/** Where and from which seed a run computed, as far as that is not the usual. */
function circumstances({ device, seed }: NonNullable<Origin['run']>['spec']): [string, unknown][] {
  return [
    ...(device.provider === 'cpu' ? [] : [['device.provider', device.provider] as [string, unknown]]),
    ...(device.auto || device.threads === availableParallelism()
      ? []
      : [['device.threads', device.threads] as [string, unknown]]),
    ...(seed === 0 ? [] : [['seed', seed] as [string, unknown]]),
  ];
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

/** What is wrong with files that the spec names beside the model is for the person to mend: the spec is theirs. */
const OTHERS = /^(data|task|command)\./;
/** Each fix answers one error. */
const MOST_FIXES = 5;

/** A spec that its method plans without a complaint about the model; what can be mended is. @throws UserError `branch.cannot` */
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
