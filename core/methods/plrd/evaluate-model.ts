import { openCorpus } from '../../data/text/corpus';
import { openTokenCache } from '../../data/text/token-cache';
import type { ModelEvaluation, RunContext } from '../../experiments/method';
import { loadDecoder } from '../../models/decoder/checkpoint';
import { decoderFolder } from '../../models/embedded';
import { loadModelTokenizer } from '../../models/model-tokenizer';
import type { PlrdConfig } from './config';
import { evaluateModel } from './evaluation';
import { describe, metricsOf, PARENT } from './make-model';
import { prepare } from './pipeline';
import { valuesOf } from './results';

/**
 * Evaluates a model as a run of this family evaluated its members: on the same held-out text and questions.
 * @param dir the folder of a decoder with the tokenizer of the family's parent
 */
export async function evaluateAsMember(config: PlrdConfig, context: RunContext, dir: string): Promise<ModelEvaluation> {
  const { cacheDir, signal } = context;
  const log = (text: string) => {
    context.log(text);
  };
  const parentDir = decoderFolder(config.parent, context.baseDir);
  const parent = await loadDecoder(parentDir);
  const tokenizer = await loadModelTokenizer(parent.tokenizerPath, parent.config);
  const corpus = await openCorpus(config.data, context.baseDir);
  const cache = await openTokenCache({ corpus, tokenizer, cacheDir, signal, log });
  try {
    const family = await prepare(config, context, { parentDir, parent, tokenizer, cache });
    const model = await loadDecoder(dir);
    // Not its speed: measured at another time, it could not stand beside the speeds of the run.
    const evalSet = { ...family.evalSet, speed: false };
    const evaluation = await evaluateModel(context, model.config, model.parameters, evalSet);
    const made = { kind: 'member', targetRatio: 0, trainedTokens: 0 } as const;
    const own = describe(family, model, evaluation, { name: dir, ...made });
    const base = describe(family, parent, evaluation, { ...made, name: PARENT, kind: 'parent' });
    return { values: valuesOf(own, base), metrics: metricsOf(own) };
  } finally {
    cache.close();
  }
}
