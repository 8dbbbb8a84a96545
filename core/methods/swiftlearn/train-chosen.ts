import path from 'node:path';
import type { Tensor } from '@tensorflow/tfjs-core';
import * as z from 'zod';
import { Prefetch } from '../../data/prefetch';
import type { HostTensor } from '../../engine/host';
import type { Named } from '../../engine/optimizer';
import { createRuntime } from '../../engine/runtime/create';
import type { Runtime } from '../../engine/runtime/runtime';
import type { RunContext } from '../../experiments/method';
import { adamWSettings, type TrainingConfig } from '../../training/config';
import { LAST, readResumed, resumeLast } from '../../training/last';
import { trainPhase } from '../../training/run';
import { Trainer } from '../../training/trainer';
import { curvePoint, type CurvePoint } from './artifacts';
import type { Learner, Metrics } from './learners/learner';
import type { Remedy } from './learners/remedy';
import { readSampler, writeSampler } from './sampling/sampler-file';
import type { EpochPlan, Sampler } from './sampling/sampler';
import { SCORING_COST } from './work';

/** Batches prepared in advance. */
const AHEAD = 2;

export interface ChosenTraining<Batch> {
  /** Name of this training within the run, in events and the checkpoint. */
  readonly phase: string;
  readonly learner: Learner<Batch>;
  readonly sampler: Sampler;
  /**
   * Awaited after each `plan` of the sampler: the checkpoint implies that its selection was recorded, so it must be on disk.
   */
  readonly planned?: () => Promise<void>;
  readonly training: TrainingConfig;
  /** A loss that is robust against wrong labels instead of the plain one. */
  readonly remedy?: Remedy | undefined;
  /** Epochs between evaluations; the last is always evaluated. */
  readonly evaluateEvery: number;
  readonly seed: number;
}

export interface ChosenResult {
  readonly parameters: Named<HostTensor>;
  readonly steps: number;
  /** Evaluations in order; the last is of the final model. */
  readonly curve: readonly CurvePoint[];
  /** Fraction of this process's training time spent waiting for batches. */
  readonly waitingShare: number;
}

/** Progress and cost of a training, stored in the checkpoint. */
const standing = z.object({
  epoch: z.number(),
  /** Steps before this epoch. */
  stepsBefore: z.number(),
  /** Samples trained on, and samples only scored. */
  trained: z.number(),
  scored: z.number(),
  /** Seconds of training and scoring, without evaluations and checkpoints. */
  seconds: z.number(),
  curve: z.array(curvePoint),
});
type Standing = z.infer<typeof standing>;

/** Trains on the samples that a sampler selects, epoch by epoch; resumes with identical bits. */
export async function trainChosen<Batch>(context: RunContext, options: ChosenTraining<Batch>): Promise<ChosenResult> {
  const runtime = createRuntime(context.device);
  try {
    return await new Course(context, options, runtime).run();
  } finally {
    await runtime.dispose();
  }
}

/** One training, from its start or the checkpoint to resume from, to its end. */
class Course<Batch> {
  readonly #last: string;
  readonly #stepsOf: (samples: number) => number;
  #standing: Standing = { epoch: 0, stepsBefore: 0, trained: 0, scored: 0, seconds: 0, curve: [] };
  /** The plan of the current epoch, once it is known. */
  #plan: EpochPlan | undefined;
  #waited = 0;

  constructor(
    readonly context: RunContext,
    readonly options: ChosenTraining<Batch>,
    readonly runtime: Runtime,
  ) {
    this.#last = path.join(context.checkpointsDir, LAST);
    const perStep = options.learner.batchSize * options.training.accumulate;
    this.#stepsOf = (samples) => Math.ceil(samples / perStep);
  }

  async run(): Promise<ChosenResult> {
    const { learner, sampler, training, seed, remedy } = this.options;
    const { learningRate, warmup, floor } = training;
    const parameters = await learner.parameters(seed);
    const resumed = await this.#resume(parameters);
    const totalSteps = this.#expectedSteps(sampler.epochs);
    const trainer = new Trainer<Batch>(this.runtime, {
      loss: (values, batch) => learner.loss(values, batch, remedy),
      parameters,
      optimizer: adamWSettings(training),
      averageDecay: training.averageDecay,
      checkpointActivations: training.checkpointActivations,
      schedule: { peak: learningRate, warmupSteps: Math.round(warmup * totalSteps), totalSteps, floor },
      ...resumed,
    });
    const evaluate = learner.evaluator(this.runtime);
    for (; this.#standing.epoch < sampler.epochs; this.#standing.epoch++) {
      this.#plan ??= await this.#begin(trainer);
      await this.#epoch(trainer, this.#plan, evaluate, totalSteps);
      this.#timed(() => sampler.trained?.(this.#standing.epoch));
      this.#standing.stepsBefore = trainer.step;
      this.#plan = undefined;
    }
    const { seconds, curve } = this.#standing;
    const waitingShare = seconds > 0 ? Math.min(1, this.#waited / seconds) : 0;
    return { parameters: await trainer.result(), steps: trainer.step, curve, waitingShare };
  }

  /** Scores all samples if the sampler needs it, and plans the epoch. */
  async #begin(trainer: Trainer<Batch>): Promise<EpochPlan> {
    const { sampler, planned } = this.options;
    const { epoch } = this.#standing;
    if (sampler.scoresBefore(epoch)) await this.#score(trainer);
    const plan = this.#timed(() => sampler.plan(epoch));
    await planned?.();
    return plan;
  }

  /** Selection counts as training time. */
  #timed<T>(work: () => T): T {
    const start = performance.now();
    const result = work();
    this.#standing.seconds += (performance.now() - start) / 1000;
    return result;
  }

  async #score(trainer: Trainer<Batch>): Promise<void> {
    const { learner, phase } = this.options;
    const program = this.runtime.compile('scores of samples', (state: Named<Tensor>, { data }: { data: Batch }) => ({
      metrics: learner.signals(state, data),
    }));
    const start = performance.now();
    const { scoring } = learner;
    const batches = new Prefetch((number) => scoring.take(number), AHEAD, scoring.count);
    for (let number = 0; number < scoring.count; number++) {
      this.context.signal.throwIfAborted();
      const { batch, samples } = await batches.take(number);
      const data = { data: batch };
      this.#record(samples, await program.run(trainer.parameters, data), 'pass');
      this.context.emit({
        type: 'progress',
        done: number + 1,
        total: scoring.count,
        unit: 'batches',
        label: `${phase} scoring`,
      });
    }
    this.#standing.scored += learner.size;
    this.#standing.seconds += (performance.now() - start) / 1000;
  }

  #record(samples: Uint32Array, signals: Named<HostTensor>, during: 'pass' | 'training'): void {
    const { learner, sampler } = this.options;
    for (const [row, outcome] of learner.outcomes(samples, signals).entries())
      sampler.record(samples[row]!, outcome, during);
  }

  async #epoch(
    trainer: Trainer<Batch>,
    plan: EpochPlan,
    evaluate: ReturnType<Learner<Batch>['evaluator']>,
    totalSteps: number,
  ): Promise<void> {
    const { learner, sampler, phase, training, seed, evaluateEvery } = this.options;
    const { epoch, stepsBefore } = this.#standing;
    const { accumulate } = training;
    const source = this.#timed(() => learner.training({ samples: plan.samples, weights: plan.weights, seed, epoch }));
    const batches = new Prefetch((number) => source.take(number), AHEAD, source.count);
    const stepsOfEpoch = Math.ceil(source.count / accumulate);
    const [from, to] = [this.#expectedSteps(epoch), this.#expectedSteps(epoch + 1)];
    const isLast = epoch + 1 === sampler.epochs;
    const evaluates = isLast || Math.floor((epoch + 1) / evaluateEvery) > Math.floor(epoch / evaluateEvery);
    /** The samples of the micro-batches of the steps that are ahead, by step from 0. */
    const chosen = new Map<number, readonly Uint32Array[]>();
    await trainPhase<Batch>(this.context, trainer, {
      phase,
      steps: stepsBefore + stepsOfEpoch,
      stepsToShow: Math.max(totalSteps, stepsBefore + stepsOfEpoch),
      unit: 'samples',
      unitsPerStep: learner.batchSize * accumulate,
      batches: async (step) => {
        const first = (step - stepsBefore) * accumulate;
        const taken = [];
        for (let number = first; number < Math.min(first + accumulate, source.count); number++)
          taken.push(await batches.take(number));
        chosen.set(
          step,
          taken.map(({ samples }) => samples),
        );
        return taken.map(({ batch }) => batch);
      },
      // An epoch that is shorter than expected still covers its whole part of the schedule.
      position: (step) => from + ((step + 1 - stepsBefore) / stepsOfEpoch) * (to - from),
      onStep: (step, { signals }, seconds) => {
        this.#standing.seconds += seconds;
        const samplesOf = chosen.get(step - 1)!;
        chosen.delete(step - 1);
        for (const [i, samples] of samplesOf.entries()) {
          this.#standing.trained += samples.length;
          if (plan.record) this.#record(samples, signals[i]!, 'training');
        }
      },
      evaluateEvery: Infinity,
      ...(evaluates && {
        evaluate: async () => {
          const { metrics, text } = await evaluate(trainer.evaluated, this.context.signal);
          this.#addPoint(epoch + 1, trainer.step, metrics);
          return { metrics, text };
        },
      }),
      save: async () => {
        await this.#save(trainer);
        return { step: trainer.step };
      },
      saveSeconds: training.checkpointSeconds,
    });
    this.#waited += batches.waitedSeconds;
  }

  /** If a resumed training evaluates a step again, the new point replaces the old one. */
  #addPoint(epoch: number, step: number, metrics: Metrics): void {
    const { trained, scored, seconds, curve } = this.#standing;
    const before = curve.filter((point) => point.step < step);
    const work = trained + SCORING_COST * scored;
    this.#standing.curve = [...before, { epoch, step, trained, scored, work, seconds, metrics: { ...metrics } }];
  }

  /** Expected number of steps before an epoch. */
  #expectedSteps(epoch: number): number {
    let steps = 0;
    for (let i = 0; i < epoch; i++) steps += this.#stepsOf(this.options.sampler.expected(i));
    return steps;
  }

  async #save(trainer: Trainer<Batch>): Promise<void> {
    const { learner, sampler, phase } = this.options;
    const { parameters, step, ...training } = await trainer.snapshot();
    await learner.save(this.#last, {
      parameters,
      dtype: 'F32',
      training,
      meta: { kind: 'training', step, phase, metrics: {}, standing: this.#standing, records: this.#plan?.record },
      alsoWrite: (folder) => writeSampler(folder, learner.size, { state: sampler.state(), plan: this.#plan }),
    });
  }

  async #resume(parameters: Named<HostTensor>) {
    const { learner, sampler, phase } = this.options;
    const found = await resumeLast(this.context, phase, async (dir, meta) => ({
      meta,
      standing: standing.parse(meta.standing),
      sampler: await readSampler(dir),
      resumed: await readResumed(dir, meta, parameters, (folder) => learner.load(folder)),
    }));
    if (found === undefined) return {};
    this.#standing = found.standing;
    sampler.restore(found.sampler.state);
    this.#plan = found.sampler.plan && { ...found.sampler.plan, record: found.meta.records === true };
    return found.resumed;
  }
}
