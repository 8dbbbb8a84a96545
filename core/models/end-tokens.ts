import path from 'node:path';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { readJsonObject, type JsonObject } from '../checkpoint/model-folder';
import { UserError } from '../errors';

export const GENERATION_FILE = 'generation_config.json';

const Id = z.int().nonnegative();
const Ends = z.looseObject({ eos_token_id: z.union([Id, z.array(Id)]).nullish() });

/**
 * The tokens that end what a model writes. A chat model has several: they are a list in `generation_config.json`, else in
 * `config.json`. A model that names none has the end token of its tokenizer.
 * @throws UserError `model.bad-end-token`
 */
export async function endTokens(
  dir: string,
  config: JsonObject,
  eosId: number | undefined,
): Promise<ReadonlySet<number>> {
  const file = path.join(dir, GENERATION_FILE);
  const generation = await readJsonObject(file).catch((error: unknown) => {
    if (error instanceof UserError && error.code === 'file.not-found') return {};
    throw error;
  });
  const named = idsOf(generation, file) ?? idsOf(config, path.join(dir, 'config.json'));
  return new Set(named ?? (eosId === undefined ? [] : [eosId]));
}

function idsOf(json: JsonObject, file: string): readonly number[] | undefined {
  const parsed = Ends.safeParse(json);
  if (!parsed.success)
    throw new UserError(
      'model.bad-end-token',
      l10n.t`${file}: eos_token_id is ${JSON.stringify(json.eos_token_id)}.`,
      l10n.t('It must be the id of a token, or a list of ids.'),
    );
  const ids = parsed.data.eos_token_id ?? undefined;
  return typeof ids === 'number' ? [ids] : ids;
}
