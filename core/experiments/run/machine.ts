import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';

/** The build writes the version in; a bundle made by other means has none. */
export const WINNOW_VERSION = process.env.WINNOW_VERSION ?? 'unversioned';

/** Where a worker computes, and by which versions: what a colleague who finds other bits looks at first. */
export const machine = z.object({
  /** Absent in runs of before, which did not keep it. */
  host: z.string().optional(),
  winnow: z.string(),
  node: z.string(),
  onnxruntime: z.string().nullable(),
  platform: z.string(),
  cpu: z.string(),
  cores: z.number(),
});
export type Machine = z.output<typeof machine>;

export const thisMachine = (): Machine => ({
  host: os.hostname(),
  winnow: WINNOW_VERSION,
  node: process.versions.node,
  onnxruntime: onnxRuntimeVersion(),
  platform: `${process.platform}-${process.arch} ${os.release()}`,
  cpu: os.cpus()[0]?.model.trim() ?? 'unknown',
  cores: os.availableParallelism(),
});

function onnxRuntimeVersion(): string | null {
  try {
    const manifest = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
    return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(manifest, 'utf8'))).version;
  } catch {
    return null;
  }
}

/** `node7: AMD EPYC, 8 cores, linux-x64; Winnow 0.1.0, Node.js 22.1.0, ONNX Runtime 1.30.0`. */
export function describeMachine({ host, cpu, cores, platform, winnow, node, onnxruntime }: Machine): string {
  const place = `${host === undefined ? '' : `${host}: `}${cpu}, ${cores === 1 ? l10n.t('1 core') : l10n.t`${cores} cores`}, ${platform}`;
  const engine = onnxruntime === null ? '' : `, ONNX Runtime ${onnxruntime}`;
  return `${place}; Winnow ${winnow}, Node.js ${node}${engine}`;
}

/** What the bits of a result can depend on. */
const DECISIVE = ['winnow', 'onnxruntime', 'node', 'platform', 'cpu'] as const;

/** In a sentence, what is not as it was for the attempt before; undefined where nothing is, or nobody knows. */
export function describeChange(before: Machine | null, now: Machine, attempt: number): string | undefined {
  if (!before) return undefined;
  const changed = DECISIVE.filter((key) => before[key] !== now[key]);
  if (changed.length === 0) return undefined;
  const list = changed
    .map((key) => `${key} ${before[key] ?? l10n.t('none')} → ${now[key] ?? l10n.t('none')}`)
    .join(', ');
  return l10n.t`Attempt ${attempt} computes on another machine or with other versions than the one before it: ${list}.`;
}
