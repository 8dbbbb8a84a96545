import { mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { madeModel, type MadeModel } from '../../../core/methods/plrd/artifacts';
import { PlrdConfig } from '../../../core/methods/plrd/config';
import { runPlrd } from '../../../core/methods/plrd/pipeline';
import { PretrainConfig } from '../../../core/methods/pretrain/config';
import { runPretrain } from '../../../core/methods/pretrain/pipeline';
import type { RunEvent } from '../../../core/protocol/events';
import { Random } from '../../../core/random';
import { resultsOf, RunFolder, trialFilesOf, type Run, type Watch } from '../run-folder';

export type { Run } from '../run-folder';

export const DATA = { source: 'text', heldOutShare: 0.15, blockLength: 64 };
export const SEED = 5;
export const TRAINING = { batchSize: 4, learningRate: 1e-2, warmup: 0.1 };
/** The parent of `Studio.parent`. */
export const PARENT = 'runs/parent/checkpoints/final';

/** The tokens of some optimizer steps. */
export const tokensOf = (steps: number): number => steps * TRAINING.batchSize * DATA.blockLength;

const MODEL = {
  hidden_size: 32,
  intermediate_size: 64,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 128,
};

/** A folder with a small corpus, and runs of methods in this process on it. */
export class Studio extends RunFolder {
  static async open(): Promise<Studio> {
    const studio = new Studio(await mkdtemp(path.join(tmpdir(), 'winnow-plrd-')), SEED);
    await mkdir(path.join(studio.folder, 'text'));
    for (let i = 0; i < 24; i++) await writeFile(path.join(studio.folder, 'text', `${i}.txt`), story(i));
    return studio;
  }

  pretrain(name: string, settings: object): Promise<Run> {
    return this.run(name, (context) => runPretrain(PretrainConfig.parse(settings), context));
  }

  /** Pretrains a small parent on the corpus: `PARENT`. */
  parent(settings: object = {}): Promise<Run> {
    const base = { model: MODEL, vocabulary: 400, data: DATA, epochs: 6, training: TRAINING, evaluateEvery: 50 };
    return this.pretrain('parent', { ...base, ...settings });
  }

  plrd(name: string, settings: object, watch?: Watch): Promise<Run> {
    return this.run(name, (context) => runPlrd(PlrdConfig.parse(settings), context), watch);
  }
}

/** The models of a family, in the order in which they were made. */
export async function modelsOf(run: Run): Promise<MadeModel[]> {
  const files = await trialFilesOf(run);
  return (await resultsOf(run)).points.map(({ name }) => madeModel.parse(files.get(name)));
}

/** The same by name. */
export async function pointsOf(run: Run): Promise<Record<string, MadeModel>> {
  return Object.fromEntries((await modelsOf(run)).map((model) => [model.name, model]));
}

/** The event of an optimizer step. */
export const isStep = (phase: string, step: number) => (event: RunEvent) =>
  event.type === 'metrics' && event.phase === phase && event.step === step && 'gradientNorm' in event.values;

/** The bytes of a checkpoint's weights. */
export const weights = (run: Run, name: string): Promise<Buffer> =>
  readFile(path.join(checkpoint(run, name), 'model.safetensors'));

export const checkpoint = ({ context }: Run, name: string): string => path.join(context.checkpointsDir, name);

const PEOPLE = ['Anna', 'Boris', 'Clara', 'David', 'Emma', 'Felix', 'Greta', 'Henry'];
const PLACES = ['garden', 'market', 'harbour', 'library', 'station', 'meadow'];
const THINGS = ['apple', 'lantern', 'letter', 'violin', 'basket', 'umbrella', 'mirror'];
const VERBS = ['carried', 'lost', 'found', 'painted', 'borrowed', 'repaired'];

/** Sentences in which who, where and what hang together, so that there is something to learn. */
export function story(seed: number): string {
  const random = new Random(seed, 77);
  const pick = (words: readonly string[]) => words[random.int(words.length)]!;
  const sentences = Array.from({ length: 40 }, () => {
    const [person, thing] = [random.int(PEOPLE.length), pick(THINGS)];
    const place = PLACES[person % PLACES.length]!;
    return `${PEOPLE[person]!} went to the ${place} and ${pick(VERBS)} the old ${thing}. Nobody else had seen the ${thing} there since the winter.`;
  });
  return `${sentences.join(' ')}\n`;
}
