import type { ModelEvaluation, RunContext } from '../../../experiments/method';
import { loadDecoder } from '../../../models/decoder/checkpoint';
import type { PlrdConfig } from '../config';
import { describe, metricsOf } from '../make-model';
import { PARENT } from '../trials';
import { withFamily } from '../pipeline';
import { valuesOf } from '../results/results';
import { evaluateModel } from './evaluate';

/**
 * Evaluates a model as a run of this family evaluated its members: on the same held-out text and questions.
 * @param dir the folder of a decoder with the tokenizer of the family's parent
 */
export const evaluateAsMember = (config: PlrdConfig, context: RunContext, dir: string): Promise<ModelEvaluation> =>
  withFamily(config, context, async (family) => {
    const model = await loadDecoder(dir);
    // Not its speed: measured at another time, it could not stand beside the speeds of the run.
    const evalSet = { ...family.evalSet, speed: false };
    const evaluation = await evaluateModel(context, model.config, model.parameters, evalSet);
    const made = { kind: 'member', targetRatio: 0, trainedTokens: 0 } as const;
    const own = describe(family, model, evaluation, { name: dir, ...made });
    const base = describe(family, family.parent, evaluation, { ...made, name: PARENT, kind: 'parent' });
    return { values: valuesOf(own, base), metrics: metricsOf(own) };
  });
