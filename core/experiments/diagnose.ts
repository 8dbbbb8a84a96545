import type { Fix } from '../errors';
import { formatBytes } from '../protocol/format';
import type { Plan, Starting } from './method';

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

/** The keys that errors are about, by the beginning of their code; the longest that fits counts. */
const KEYS: Readonly<Record<string, string>> = {
  'data.block-too-long': 'data.blockLength',
  'plrd.no-layers': 'layers.kinds',
  'plrd.no-such-block': 'layers.skipBlocks',
  'plrd.task': 'evaluation.tasks',
  plrd: 'schedule.values',
  task: 'evaluation.tasks',
  command: 'command',
  device: 'device.provider',
};

function keyOf(code: string, { model, data }: Starting): string {
  const known = Object.keys(KEYS)
    .filter((beginning) => code === beginning || code.startsWith(`${beginning}.`) || code.startsWith(`${beginning}-`))
    .sort((a, b) => b.length - a.length)[0];
  if (known !== undefined) return KEYS[known] ?? 'method';
  if (/^(model|tokenizer|safetensors|file)\./.test(code)) return model?.key ?? 'method';
  if (code.startsWith('data.')) return data?.key ?? 'method';
  return 'method';
}

/** The failure of a plan as a problem of its spec. What is wrong with the text itself, the schema tells. */
export function problemOf(failure: PlanFailure, starting: Starting): SpecProblem | undefined {
  const { code, message, hint } = failure;
  if (code.startsWith('spec.') || code === 'cli.usage') return undefined;
  const key = keyOf(code, starting);
  const fixes = [...(failure.fixes ?? [])];
  for (const input of [starting.model, starting.data])
    if (input?.key === key && input.embedded !== undefined)
      fixes.push({ title: `Use ${input.embedded}, which Winnow brings`, key, value: input.embedded });
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
      message: `The run needs about ${formatBytes(memoryBytes)} of memory; this machine has ${formatBytes(machine.memory)}. Use a smaller training.batchSize or data.blockLength.`,
      key: 'training.batchSize',
      fixes: [],
    });
  if (diskBytes !== undefined && diskBytes > machine.disk)
    problems.push({
      severity: 'warning',
      code: 'plan.disk',
      message: `The run needs about ${formatBytes(diskBytes)} of disk; ${formatBytes(machine.disk)} are free. Make room first.`,
      key: 'method',
      fixes: [],
    });
  return problems;
}
