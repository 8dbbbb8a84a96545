import { writeFileAtomic } from '../../../files';
import type { SampleQuery } from '../../../protocol/importance';
import type { ImportanceView } from './view';

/**
 * Writes a list of samples to a file as JSON lines, without holding them all in memory.
 * @returns the number of samples
 * @throws UserError `disk.*` and as `ImportanceView.lines`
 */
export async function exportSamples(
  view: Pick<ImportanceView, 'lines'>,
  query: SampleQuery,
  file: string,
  signal?: AbortSignal,
): Promise<number> {
  let count = 0;
  const encoder = new TextEncoder();
  async function* encoded(): AsyncGenerator<Uint8Array, void> {
    for await (const line of view.lines(query, signal)) {
      count++;
      yield encoder.encode(line);
    }
  }
  await writeFileAtomic(file, encoded());
  return count;
}
