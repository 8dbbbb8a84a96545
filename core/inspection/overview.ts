import { stat } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import * as z from 'zod';
import { UserError } from '../errors';
import { readRecord } from '../experiments/run/directory';
import type {
  CheckpointLineage,
  CheckpointOverview,
  ConfigFacts,
  TokenizerFacts,
  WeightsFile,
} from '../protocol/inspection';
import { META_FILE } from '../checkpoint/training-state';
import {
  CONFIG_FILE,
  INDEX_FILE,
  readJsonObject,
  readShardIndex,
  TOKENIZER_FILE,
  WEIGHTS_FILE,
} from '../checkpoint/model-folder';
import { withCheckpoints, type Checkpoint } from '../checkpoint/open';
import { nestedFactsOf } from '../models/decoder/sizes';
import { headFacts } from '../protocol/heads';
import type { NestedFacts } from '../protocol/nested';
import { summarize } from '../checkpoint/summary';

/**
 * Everything about a checkpoint that does not require reading values: headers, and the small files next to the weights. If
 * one of those files cannot be read, that is a sentence in `problems`, not an error.
 *
 * @throws UserError as `openCheckpoint`
 */
export async function checkpointOverview(target: string): Promise<CheckpointOverview> {
  return withCheckpoints([target], async (checkpoint) => {
    const problems: string[] = [];
    const attempt = async <T>(read: () => Promise<T>): Promise<T | null> => {
      try {
        return await read();
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        if (error.code !== 'file.not-found') problems.push(error.message);
        return null;
      }
    };
    const { kind, path: absolute, folder, reader } = checkpoint;
    const config = await attempt(() => readConfig(folder));
    // What is wrong with the config was said already.
    const nested = config && (await attempt(() => readNested(folder)));
    const tokenizer = await attempt(() => readTokenizer(folder));
    const lineage = await readLineage(folder, attempt);
    const files = (await attempt(() => listFiles(checkpoint))) ?? [];
    const modelType = config?.values.model_type;
    const summary = summarize(reader);
    return {
      path: absolute,
      kind,
      summary: { ...summary, modelType: typeof modelType === 'string' ? modelType : summary.modelType },
      files,
      config,
      tokenizer,
      lineage,
      nested,
      problems,
    };
  });
}

type Attempt = <T>(read: () => Promise<T>) => Promise<T | null>;

async function listFiles({ kind, path: absolute, folder, reader }: Checkpoint): Promise<WeightsFile[]> {
  const single = path.join(folder, WEIGHTS_FILE);
  if (kind === 'folder' && (await bytesOf(single)) !== null) return [await weightsFile(single, reader.tensors.size)];
  const indexed = await shardsOf(kind === 'index' ? absolute : path.join(folder, INDEX_FILE));
  if (kind === 'file' && !indexed.has(path.basename(absolute)))
    return [await weightsFile(absolute, reader.tensors.size)];
  return Promise.all([...indexed].map(([name, tensors]) => weightsFile(path.join(folder, name), tensors)));
}

const weightsFile = async (file: string, tensors: number): Promise<WeightsFile> => ({
  name: path.basename(file),
  bytes: await bytesOf(file),
  tensors,
});

const bytesOf = (file: string) =>
  stat(file).then(
    ({ size }) => size,
    () => null,
  );

/** The shards of an index, with the number of tensors in each; empty if there is no index. */
async function shardsOf(index: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  if ((await bytesOf(index)) === null) return counts;
  for (const shard of (await readShardIndex(index)).values()) counts.set(shard, (counts.get(shard) ?? 0) + 1);
  return counts;
}

const isPlain = (value: unknown): value is string | number | boolean =>
  ['string', 'number', 'boolean'].includes(typeof value);

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : [];

async function readConfig(folder: string): Promise<ConfigFacts> {
  const file = path.join(folder, CONFIG_FILE);
  const json = await readJsonObject(file);
  const plain = Object.entries(json).filter((entry): entry is [string, string | number | boolean] => isPlain(entry[1]));
  return { file, architectures: texts(json.architectures), values: Object.fromEntries(plain), heads: headFacts(json) };
}

/** The sizes of the nested model in a folder; null if it is none. @throws UserError `model.*`, `file.*` */
export const readNested = async (folder: string): Promise<NestedFacts | null> =>
  nestedFactsOf(await readJsonObject(path.join(folder, CONFIG_FILE))) ?? null;

const tokenizerJson = z.object({
  model: z
    .object({
      type: z.string().nullish(),
      // An object from token to id, or for Unigram a list. Not validated further: it has up to 256 000 entries.
      vocab: z.custom<object>((value) => typeof value === 'object' && value !== null).optional(),
      merges: z.custom<unknown[]>(Array.isArray).optional(),
    })
    .nullish(),
  added_tokens: z.array(z.object({ content: z.string(), special: z.boolean().optional() })).nullish(),
});

async function readTokenizer(folder: string): Promise<TokenizerFacts> {
  const file = path.join(folder, TOKENIZER_FILE);
  const { model, added_tokens: added } = expect(tokenizerJson, await readJsonObject(file), file);
  const vocab = model?.vocab ?? {};
  const known = Array.isArray(vocab) ? vocab.length : Object.keys(vocab).length;
  const isNew = ({ content }: { content: string }) => Array.isArray(vocab) || !Object.hasOwn(vocab, content);
  const tokens = added ?? [];
  return {
    file,
    type: model?.type ?? null,
    vocabulary: known + (Array.isArray(vocab) ? 0 : tokens.filter(isNew).length),
    merges: model?.merges?.length ?? 0,
    special: tokens.filter(({ special }) => special).map(({ content }) => content),
  };
}

/** The fields of `meta.json` that every writer uses; Winnow's has more. */
const metaJson = z.object({
  kind: z.string().nullish(),
  step: z.number().nullish(),
  phase: z.string().nullish(),
  parent: z.string().nullish(),
  metrics: z.record(z.string(), z.number()).nullish(),
});

async function readLineage(folder: string, attempt: Attempt): Promise<CheckpointLineage | null> {
  const file = path.join(folder, META_FILE);
  const meta = await attempt(async () => expect(metaJson, await readJsonObject(file), file));
  const run = await attempt(() => readRun(folder));
  if (meta === null && run === null) return null;
  const { kind, step, phase, parent, metrics } = meta ?? {};
  return {
    kind: kind ?? null,
    step: step ?? null,
    phase: phase ?? null,
    parent: parent ?? null,
    metrics: metrics ?? {},
    run,
  };
}

/** The run that a `checkpoints/<name>` folder belongs to. */
async function readRun(folder: string): Promise<CheckpointLineage['run']> {
  const dir = path.dirname(path.dirname(folder));
  const inRun = path.basename(path.dirname(folder)) === 'checkpoints';
  if (!inRun || (await bytesOf(path.join(dir, 'run.json'))) === null) return null;
  const { id, created, spec, parents } = await readRecord(dir);
  const { name, method, seed } = spec;
  return { id, dir, name, method, seed, created, parents: parents.map((parent) => parent.path) };
}

function expect<T>(schema: z.ZodType<T>, value: unknown, file: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new UserError(
    'model.bad-json',
    `${file}: '${issue?.path.join('.') ?? ''}': ${issue?.message ?? l10n.t('unexpected content')}.`,
    l10n.t('Copy or download the file again.'),
  );
}
