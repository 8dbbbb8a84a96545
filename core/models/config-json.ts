import type * as z from 'zod';
import { UserError } from '../errors';

/**
 * What a Hugging Face `config.json` says.
 * @param known sentence on what can be read, for whoever has something else
 * @throws UserError `model.config` that names the key
 */
export function parseConfigJson<Schema extends z.ZodType>(
  schema: Schema,
  json: unknown,
  known: string,
): z.output<Schema> {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UserError(
    'model.config',
    `config.json: '${issue?.path.join('.') ?? ''}': ${issue?.message ?? 'not understood'}.`,
    known,
  );
}
