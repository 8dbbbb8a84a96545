import type { FileMetaData } from 'hyparquet';
import * as z from 'zod';

/** What the `datasets` library writes about the features of a table. */
const description = z.object({
  info: z.object({ features: z.record(z.string(), z.looseObject({ names: z.array(z.string()).optional() })) }),
});

/** Class names of a numeric column, as Hugging Face's `datasets` describes them in a Parquet file. */
export function featureNames(metadata: FileMetaData, column: string): readonly string[] | undefined {
  const text = metadata.key_value_metadata?.find(({ key }) => key === 'huggingface')?.value;
  if (text === undefined) return undefined;
  try {
    const parsed = description.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data.info.features[column]?.names : undefined;
  } catch {
    return undefined;
  }
}
