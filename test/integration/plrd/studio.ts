import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { madeModel, type MadeModel } from '../../../core/methods/plrd/artifacts';
import { PlrdConfig } from '../../../core/methods/plrd/config';
import { runPlrd } from '../../../core/methods/plrd/pipeline';
import { PretrainConfig } from '../../../core/methods/pretrain/config';
import { runPretrain } from '../../../core/methods/pretrain/pipeline';
import { Random } from '../../../core/random';
import { resultsOf, RunFolder, trialFilesOf, type Run, type Watch } from '../run-folder';

export type { Run } from '../run-folder';

export const DATA = { source: 'text', heldOutShare: 0.15, blockLength: 64 };
export const SEED = 5;

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
