import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { systemCode } from '../errors';
import { tradeoff, TRADEOFF_FILE, type Tradeoff } from '../methods/plrd/artifacts';
import { describeTradeoff } from '../methods/plrd/report';
import { colour } from './output';
import { table } from '../table';

/** The trade-off that a run wrote; undefined where there is none, or none that this version reads. */
export async function readTradeoff(runDir: string): Promise<Tradeoff | undefined> {
  const text = await readFile(path.join(runDir, 'artifacts', TRADEOFF_FILE), 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const parsed = tradeoff.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : undefined;
}

/** The family table with its legend. */
export function formatTradeoff(result: Tradeoff): string {
  const { columns, rows, notes } = describeTradeoff(result);
  const legend = [
    'linear: share of the linear parameters kept     ppl: perplexity of held-out text',
    'next: next tokens predicted                     choice: questions answered',
    'train/s, write/s: tokens per second of training and of generation',
  ].join('\n');
  return [table(columns, rows), colour('dim', legend), ...notes].join('\n\n');
}
