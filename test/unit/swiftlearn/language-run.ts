import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { WholeBlocks } from '../../../core/data/text/batches';
import { TextDataConfig } from '../../../core/data/text/config';
import { runPaths } from '../../../core/experiments/run/directory';
import { Importance } from '../../../core/methods/swiftlearn/sampling/importance';
import { ImportanceRecorder } from '../../../core/methods/swiftlearn/sampling/importance-recorder';
import { tokenizerPathOf } from '../../../core/methods/swiftlearn/data/language-task';
import { openLanguageText } from '../../../core/methods/swiftlearn/data/language-text';
import { selectMost } from '../../../core/methods/swiftlearn/sampling/selection';
import { Random } from '../../../core/random';
import { tinyDecoderFolder } from './tiny-decoder';

const FIXTURE = path.resolve('test', 'fixtures', 'swiftlearn-small');

/** What the documents say, by their names; two say the same, of which a corpus keeps the first. */
export const DOCUMENTS: Readonly<Record<string, string>> = Object.fromEntries(
  ['harbour', 'market', 'library', 'harbour', 'meadow', 'station'].map((place, i) => [
    `${i}-${place}.txt`,
    Array.from({ length: 12 }, (_, n) => `In the ${place} stood lamp number ${n}, and it was lit.`).join(' '),
  ]),
);

export const BLOCK = 16;

/**
 * The folder of a run that chose among blocks of text, as the recorder of a training writes it.
 * @returns the folder
 */
export async function writeLanguageRun(dir: string): Promise<string> {
  const { artifacts: artifactsDir, cache: cacheDir } = runPaths(dir);
  await mkdir(artifactsDir, { recursive: true });
  await mkdir(path.join(dir, 'corpus'));
  for (const [name, text] of Object.entries(DOCUMENTS)) await writeFile(path.join(dir, 'corpus', name), text);
  await tinyDecoderFolder(path.join(dir, 'model'), Object.values(DOCUMENTS));
  const language = {
    data: TextDataConfig.parse({ source: 'corpus', heldOutShare: 0.2, blockLength: BLOCK }),
    model: 'model',
  };
  const record = JSON.parse(await readFile(path.join(FIXTURE, 'run.json'), 'utf8')) as { spec: object };
  const spec = { ...record.spec, name: 'blocks', config: { language } };
  await writeFile(
    path.join(dir, 'run.json'),
    JSON.stringify({ ...record, id: path.basename(dir), baseDir: dir, spec }),
  );
  await writeFile(path.join(dir, 'status.json'), await readFile(path.join(FIXTURE, 'status.json')));

  const { cache, split, fingerprint } = await openLanguageText(language.data, await tokenizerPathOf(language, dir), {
    baseDir: dir,
    cacheDir,
  });
  cache.close();
  const { count: size } = new WholeBlocks(split.train, { blockLength: BLOCK, batchSize: 1 });
  const learner = { kind: 'language', size, classes: [], fingerprint } as const;
  const recorded = {
    variant: 'loss-30pct',
    seed: 0,
    score: 'loss',
    keep: 0.3,
    skipHardest: 0,
    balanced: false,
  } as const;
  const recorder = new ImportanceRecorder({ artifactsDir, emit: () => undefined }, learner, recorded);
  const importance = new Importance(size, 0, 'loss', 0);
  const random = new Random(4);
  let before: Uint8Array = new Uint8Array(size).fill(1);
  for (const epoch of [1, 3]) {
    for (let sample = 0; sample < size; sample++)
      importance.record(sample, { loss: 5 * random.uniform(), el2n: 1, gradient: 1 });
    const selection = selectMost(importance.scores, { keep: recorded.keep, skipHardest: 0, rank: (sample) => sample });
    recorder.add(epoch, { selection, importance, before, suspects: undefined });
    before = selection.kept;
    await recorder.written;
  }
  return dir;
}
