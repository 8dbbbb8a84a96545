import * as l10n from '@vscode/l10n';
import type { Fix } from '../../errors';
import { formatBytes } from '../../protocol/format';
import type { Plan } from '../method';
import type { Start } from '../starting';

/** Something about a spec that only its plan can know, and where in the spec it comes from. */
export interface SpecProblem {
  readonly severity: 'error' | 'warning';
  readonly code: string;
  readonly message: string;
  /** The key (dotted) that it is about. */
  readonly key: string;
  readonly fixes: readonly Fix[];
}

/** What a plan ended with, as `winnow plan --json` prints it. */
export interface PlanFailure {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly fixes?: readonly Fix[];
}

/** What is known of the method whose spec it is. */
export interface Diagnosed {
  readonly start?: Pick<Start, 'model' | 'data'> | undefined;
  readonly errorKeys?: Readonly<Record<string, string>> | undefined;
}

/** The keys that errors are about, by the beginning of their code; methods add those of their own. */
const KEYS: Readonly<Record<string, string>> = {
  'data.block-too-long': 'data.blockLength',
  task: 'evaluation.tasks',
  device: 'device.provider',
};

function keyOf(code: string, { start, errorKeys }: Diagnosed): string {
  const keys = { ...KEYS, ...errorKeys };
  // The longest beginning says most.
  const known = Object.keys(keys)
    .filter((beginning) => code === beginning || code.startsWith(`${beginning}.`) || code.startsWith(`${beginning}-`))
    .sort((a, b) => b.length - a.length)[0];
  if (known !== undefined) return keys[known] ?? 'method';
  if (/^(model|tokenizer|safetensors|file)\./.test(code)) return start?.model?.key ?? 'method';
  if (code.startsWith('data.')) return start?.data?.key ?? 'method';
  return 'method';
}

/** The failure of a plan as a problem of its spec. What is wrong with the text itself, the schema tells. */
export function problemOf(failure: PlanFailure, diagnosed: Diagnosed): SpecProblem | undefined {
  const { code, message, hint } = failure;
  if (code.startsWith('spec.') || code === 'cli.usage') return undefined;
  const fixes = [...(failure.fixes ?? [])];
  // A fix knows best which key is at fault.
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

/** Share of the machine's memory that a run may take before one should think twice. */
const MUCH = 0.8;

/**
 * What a plan's numbers mean on a machine.
 * @param machine bytes of memory, and bytes free where the run directory will lie
 */
export function resourceProblems(
  plan: Pick<Plan, 'memoryBytes' | 'diskBytes'>,
  machine: { readonly memory: number; readonly disk: number },
): SpecProblem[] {
  const problems: SpecProblem[] = [];
  const { memoryBytes, diskBytes } = plan;
  if (memoryBytes !== undefined && memoryBytes > MUCH * machine.memory)
    problems.push({
      severity: 'warning',
      code: 'plan.memory',
      message: l10n.t`The run needs about ${formatBytes(memoryBytes)} of memory; this machine has ${formatBytes(machine.memory)}. Use a smaller training.batchSize or data.blockLength.`,
      key: 'training.batchSize',
      fixes: [],
    });
  if (diskBytes !== undefined && diskBytes > machine.disk)
    problems.push({
      severity: 'warning',
      code: 'plan.disk',
      message: l10n.t`The run needs about ${formatBytes(diskBytes)} of disk; ${formatBytes(machine.disk)} are free. Free some space first.`,
      key: 'method',
      fixes: [],
    });
  return problems;
}
