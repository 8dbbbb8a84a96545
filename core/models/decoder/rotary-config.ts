import { isDeepStrictEqual } from 'node:util';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { rotaryScalingSchema, type RotaryScaling } from './rotary-table';

interface RotaryKeys {
  readonly rope_theta?: number | undefined;
  /** Of transformers 4. */
  readonly rope_scaling?: Readonly<Record<string, unknown>> | null | undefined;
  /** Of transformers 5, the base among it. */
  readonly rope_parameters?: Readonly<Record<string, unknown>> | null | undefined;
}

/** What transformers takes where no base is given. */
const DEFAULT_THETA = 10_000;

/** Keys beside the scaling: the base, and a remark that nobody reads. */
const ELSEWHERE = ['rope_theta', 'finetuned'];

/**
 * The rotary embedding of a `config.json`, in the spelling of transformers 4 or 5 or in both: what both say must agree.
 * @throws UserError `model.config`
 */
export function readRotary({ rope_theta, ...keys }: RotaryKeys): { theta: number; scaling: RotaryScaling } {
  const described = (['rope_scaling', 'rope_parameters'] as const).flatMap((key) => {
    const value = keys[key];
    return value && Object.keys(value).length > 0 ? [{ key, value }] : [];
  });
  const [first, second] = described.map(scalingOf);
  if (first && second && !isDeepStrictEqual(first, second))
    throw new UserError(
      'model.config',
      l10n.t('config.json: rope_scaling and rope_parameters disagree.'),
      l10n.t('Delete the one that is wrong.'),
    );
  const bases = [rope_theta, ...described.map(({ value }) => value.rope_theta)].filter((base) => base !== undefined);
  const theta = bases[0] ?? DEFAULT_THETA;
  const other = bases.find((base) => base !== theta);
  if (typeof theta !== 'number' || !(theta > 0) || other !== undefined)
    throw new UserError(
      'model.config',
      other === undefined
        ? l10n.t`config.json: rope_theta is ${JSON.stringify(theta)}, which is not a valid base of a rotary embedding.`
        : l10n.t`config.json: rope_theta is ${JSON.stringify(theta)} in one place and ${JSON.stringify(other)} in another.`,
      l10n.t('Correct rope_theta.'),
    );
  return { theta, scaling: first ?? { rope_type: 'default' } };
}

function scalingOf({ key, value }: { key: string; value: Readonly<Record<string, unknown>> }): RotaryScaling {
  const { type, partial_rotary_factor: partial, ...rest } = value;
  const own = Object.fromEntries(Object.entries(rest).filter(([name]) => !ELSEWHERE.includes(name)));
  const rope_type = own.rope_type ?? type ?? 'default';
  const refused = (why: string) =>
    new UserError(
      'model.config',
      l10n.t`config.json: the rotary scaling in ${key}, ${JSON.stringify(value)}, is not supported: ${why}.`,
      l10n.t('Known types: default, linear, dynamic, llama3, yarn.'),
    );
  if (type !== undefined && type !== rope_type) throw refused(l10n.t('type and rope_type disagree'));
  if (partial !== undefined && partial !== null && partial !== 1)
    throw refused(l10n.t('partial_rotary_factor would rotate only part of each head'));
  const parsed = rotaryScalingSchema.safeParse({ ...own, rope_type });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw refused([...(issue?.path ?? []), issue?.message].map(String).join(': '));
}
