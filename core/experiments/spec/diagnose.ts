import * as l10n from '@vscode/l10n';
import type { Fix } from '../../errors';
import { formatBytes } from '../../protocol/format';
import type { Plan } from '../method';
import { memoryProblem } from '../planned-memory';
import type { Start } from '../starting';

/** A problem that is found by planning a spec, and the key in the spec that causes it. */
export interface SpecProblem {
  readonly severity: 'error' | 'warning';
  readonly code: string;
  readonly message: string;
  /** The dotted key. */
  readonly key: string;
  readonly fixes: readonly Fix[];
}

/** The error of a plan, as `winnow plan --json` prints it. */
export interface PlanFailure {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly fixes?: readonly Fix[];
}

/** What is known about the spec's method. */
export interface Diagnosed {
  readonly start?: Pick<Start, 'model' | 'data'> | undefined;
  readonly errorKeys?: Readonly<Record<string, string>> | undefined;
}

/** The key that an error is about, by the prefix of its code; methods add their own. */
const KEYS: Readonly<Record<string, string>> = {
  'data.block-too-long': 'data.blockLength',
  task: 'evaluation.tasks',
  device: 'device.provider',
  'device.tf32': 'device.tf32',
  'device.precision': 'device.precision',
  'training.memory': 'training.batchSize',
};

function keyOf(code: string, { start, errorKeys }: Diagnosed): string {
  const keys = { ...KEYS, ...errorKeys };
  // The longest prefix is the most specific.
  const known = Object.keys(keys)
    .filter((beginning) => code === beginning || code.startsWith(`${beginning}.`) || code.startsWith(`${beginning}-`))
    .sort((a, b) => b.length - a.length)[0];
  if (known !== undefined) return keys[known] ?? 'method';
  if (/^(model|tokenizer|safetensors|file)\./.test(code)) return start?.model?.key ?? 'method';
  if (code.startsWith('data.')) return start?.data?.key ?? 'method';
  return 'method';
}

/** Turns a failed plan into a problem of its spec. Errors in the text itself are reported by the schema. */
export function problemOf(failure: PlanFailure, diagnosed: Diagnosed): SpecProblem | undefined {
  const { code, message, hint } = failure;
  if (code.startsWith('spec.') || code === 'cli.usage') return undefined;
  const fixes = [...(failure.fixes ?? [])];
  // If there is a fix, it names the right key.
  const key = fixes[0]?.key ?? keyOf(code, diagnosed);
  for (const input of [diagnosed.start?.model, diagnosed.start?.data])
    if (input?.key === key && input.embedded !== undefined)
      fixes.push({
        title: l10n.t`Use ${input.embedded.value}, which comes with Winnow`,
        key,
        value: input.embedded.value,
      });
  return { severity: 'error', code, message: [message, hint].filter(Boolean).join(' '), key, fixes };
}

/**
 * Problems with the memory and disk space that a plan needs.
 * @param free bytes on the disk where the run directory will be
 */
export function resourceProblems(
  { memory, diskBytes }: { readonly [Key in 'memory' | 'diskBytes']?: Plan[Key] | undefined },
  free: number,
): SpecProblem[] {
  const problems: SpecProblem[] = [];
  const tooMuch = memory && memoryProblem(memory);
  if (tooMuch)
    problems.push({
      severity: memory.fits === 'never' ? 'error' : 'warning',
      code: 'training.memory',
      key: 'training.batchSize',
      ...tooMuch,
    });
  if (diskBytes !== undefined && diskBytes > free)
    problems.push({
      severity: 'warning',
      code: 'plan.disk',
      message: l10n.t`The run needs about ${formatBytes(diskBytes)} of disk; ${formatBytes(free)} are free. Free some space first.`,
      key: 'method',
      fixes: [],
    });
  return problems;
}
