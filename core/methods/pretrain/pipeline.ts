import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { TOKENIZER_FILE } from '../../checkpoint/model-folder';
import { checksumOfText } from '../../checksum';
import type { Corpus } from '../../data/text/corpus';
import { openCorpus } from '../../data/text/corpus';
import { splitByDocument } from '../../data/text/split';
import { openTokenCache } from '../../data/text/token-cache';
import { loadTokenizer } from '../../data/tokenizer/tokenizer';
import type { RunContext } from '../../experiments/method';
import { writeFileAtomic } from '../../files';
import { forgetTraining } from '../../training/last';
import { PRETRAINED, pretrainArtifact } from './artifacts';
import type { PretrainConfig } from './config';
import { masked } from './masked';
import { nextToken } from './next-token';
import type { Objective } from './objective';

const OBJECTIVES: Readonly<Record<PretrainConfig['objective'], Objective>> = { 'next-token': nextToken, masked };

/** Trains a tokenizer and a model from nothing on a corpus. Resumes where it was cut. */
export async function runPretrain(config: PretrainConfig, context: RunContext): Promise<void> {
  // The artifact is written last: with it there is nothing left to do.
  if (existsSync(path.join(context.artifactsDir, PRETRAINED.files))) return;
  const objective = OBJECTIVES[config.objective];
  const corpus = await openCorpus(config.data, context.baseDir);

  context.emit({ type: 'phase', name: 'tokenizer', title: l10n.t('Training the tokenizer') });
  const tokenizerPath = await tokenizerOf(corpus, objective, config, context);
  const tokenizer = await loadTokenizer(tokenizerPath);
  const { cacheDir, signal } = context;
  const log = (text: string) => {
    context.log(text);
  };
  const cache = await openTokenCache({ corpus, tokenizer, cacheDir, signal, log });
  try {
    const split = splitByDocument(cache, config.data.heldOutShare);
    context.log(`${split.train.length} training tokens, ${split.heldOut.length} held out`);
    const { heldOut, steps } = await objective.train(config, context, { tokenizerPath, tokenizer, split });
    const artifact = pretrainArtifact.parse({
      heldOut,
      trainTokens: split.train.length,
      heldOutTokens: split.heldOut.length,
      steps,
    });
    await writeFileAtomic(path.join(context.artifactsDir, PRETRAINED.files), `${JSON.stringify(artifact, null, 2)}\n`);
    context.emit({ type: 'artifact', name: PRETRAINED.files, kind: PRETRAINED.kind });
  } finally {
    cache.close();
  }
  await forgetTraining(context);
}

/** The tokenizer of the run: trained once, then read. */
async function tokenizerOf(
  corpus: Corpus,
  objective: Objective,
  config: PretrainConfig,
  context: RunContext,
): Promise<string> {
  const file = path.join(context.artifactsDir, TOKENIZER_FILE);
  if (existsSync(file)) {
    if (await isAsWritten(file)) return file;
    context.log(`${file} was damaged after it was written; the tokenizer is trained again.`);
  }
  async function* texts() {
    for await (const { text } of corpus.documents()) {
      context.signal.throwIfAborted();
      yield text;
    }
  }
  const tokenizer = await objective.trainTokenizer(texts(), config.vocabulary);
  const text = `${JSON.stringify(tokenizer)}\n`;
  // Before the file: with that there is a checksum.
  await writeFileAtomic(checksumBeside(file), checksumOfText(text));
  await writeFileAtomic(file, text);
  return file;
}

/** The tokenizer's own file is for others to read and takes no key of ours. */
const checksumBeside = (file: string) => path.join(path.dirname(file), `.${path.basename(file)}.crc32`);

/** By its checksum; in runs of before there was one, whether it can be read. */
async function isAsWritten(file: string): Promise<boolean> {
  const checksum = checksumBeside(file);
  if (existsSync(checksum)) return checksumOfText(await readFile(file)) === (await readFile(checksum, 'utf8'));
  return loadTokenizer(file).then(
    () => true,
    () => false,
  );
}
