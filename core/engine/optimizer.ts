import type { Tensor } from '@tensorflow/tfjs-core';
import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from './host';
import { mapValues, scalar, zeros } from './host';
import { joined, together } from './ops/together';

export type Named<T> = Readonly<Record<string, T>>;

/**
 * Moments of AdamW, stored divided by (1 - β): m' = β₁ m + g and v' = β₂ v + g². The missing factors are folded into the
 * two scalars of each step, which saves two passes over every parameter.
 */
export type Moments<T> = Readonly<Record<'m' | 'v', Named<T>>>;

export const zeroMoments = (parameters: Named<HostTensor>): Moments<HostTensor> => {
  const like = () => Object.fromEntries(Object.entries(parameters).map(([name, { shape }]) => [name, zeros(shape)]));
  return { m: like(), v: like() };
};

export interface AdamWSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled weight decay, multiplied by the learning rate. Applied to matrices, not to norms and biases. */
  readonly weightDecay: number;
  /** Gradients are scaled down to this global L2 norm; 0 turns clipping off. */
  readonly maxGradientNorm: number;
}

/** The scalars that change from step to step; part of a step's batch. */
export type AdamWScalars<T> = Readonly<Record<'rate' | 'epsilon' | 'keep', T>> & {
  /**
   * If there is one, the gradients are multiplied by it: they are of a loss that was scaled. If their norm is not finite then, a step
   * changes nothing.
   */
  readonly unscale?: T;
};

/**
 * Scalars of one step of AdamW (Loshchilov & Hutter, 2019), with the bias corrections folded in.
 * @param step counted from 1
 * @param learningRate of this step
 */
export function adamWScalars(settings: AdamWSettings, step: number, learningRate: number): AdamWScalars<HostTensor> {
  const { beta1, beta2, epsilon, weightDecay } = settings;
  // m̂ / (√v̂ + ε) with m̂ = m c₁, v̂ = v c₂ is (c₁/√c₂) m / (√v + ε/√c₂).
  const c1 = (1 - beta1) / (1 - beta1 ** step);
  const c2 = Math.sqrt((1 - beta2) / (1 - beta2 ** step));
  return {
    rate: scalar((learningRate * c1) / c2),
    epsilon: scalar(epsilon / c2),
    keep: scalar(1 - learningRate * weightDecay),
  };
}

/** √(Σ g²) over all gradients. */
export const globalNorm = (gradients: Named<Tensor>): Tensor =>
  tf.sqrt(tf.addN(joined(gradients).map((gradient) => tf.sum(tf.square(gradient)))));

/** Less than infinity, and not less than NaN. */
export const LARGEST = 3.4028234663852886e38;

/** `next` if a norm is finite, else `before`. */
export const ifFinite = (norm: Tensor, next: Tensor, before: Tensor): Tensor =>
  tf.where(tf.lessEqual(norm, LARGEST), next, before);

/** One step of AdamW: new parameters, new moments and the norm of the gradient before clipping. */
export function adamW(
  parameters: Named<Tensor>,
  gradients: Named<Tensor>,
  moments: Moments<Tensor>,
  scalars: AdamWScalars<Tensor>,
  settings: AdamWSettings,
): { parameters: Named<Tensor>; moments: Moments<Tensor>; gradientNorm: Tensor } {
  const { beta1, beta2, weightDecay, maxGradientNorm } = settings;
  const { unscale } = scalars;
  const scaledNorm = globalNorm(gradients);
  const gradientNorm = unscale ? tf.mul(scaledNorm, unscale) : scaledNorm;
  const clip = maxGradientNorm > 0 ? tf.minimum(tf.div(maxGradientNorm, tf.add(gradientNorm, 1e-6)), 1) : undefined;
  const shrink = clip && unscale ? tf.mul(clip, unscale) : (clip ?? unscale);
  const next = together(
    { parameter: parameters, raw: gradients, m: moments.m, v: moments.v },
    ({ parameter, raw, ...old }, onMatrices) => {
      const keep = weightDecay > 0 ? onMatrices(scalars.keep) : undefined;
      const gradient = shrink ? tf.mul(raw, shrink) : raw;
      const m = tf.add(tf.mul(old.m, beta1), gradient);
      const v = tf.add(tf.mul(old.v, beta2), tf.square(gradient));
      const update = tf.mul(tf.div(m, tf.add(tf.sqrt(v), scalars.epsilon)), scalars.rate);
      const next = { parameter: tf.sub(keep ? tf.mul(parameter, keep) : parameter, update), m, v };
      return unscale
        ? mapValues({ parameter, ...old }, (before, key) =>
            ifFinite(gradientNorm, next[key as keyof typeof next], before),
          )
        : next;
    },
    { blocks: true },
  );
  return { parameters: next.parameter, moments: { m: next.m, v: next.v }, gradientNorm };
}

export interface Schedule {
  readonly peak: number;
  readonly warmupSteps: number;
  readonly totalSteps: number;
  /** Learning rate at the end, as a share of the peak. */
  readonly floor: number;
}

/** Linear warmup, then cosine decay to the floor. `step` counts from 1. */
export function cosineSchedule({ peak, warmupSteps, totalSteps, floor }: Schedule, step: number): number {
  if (step <= warmupSteps) return (peak * step) / warmupSteps;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps));
  return peak * (floor + (1 - floor) * 0.5 * (1 + Math.cos(Math.PI * progress)));
}
