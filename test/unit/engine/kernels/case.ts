import type { Tensor } from '@tensorflow/tfjs-core';
import type { HostTensor } from '../../../../core/engine/host';
import type { Provider } from '../../../../core/engine/runtime/runtime';
import type { Tolerance } from '../both';

/** One call of an operator: what to compute, from what. */
export interface Case {
  readonly run: (...inputs: Tensor[]) => Tensor | readonly Tensor[];
  readonly inputs: readonly HostTensor[];
  readonly tolerance?: Tolerance;
  /** Runtimes that cannot pass it, and why. */
  readonly excused?: Partial<Record<Provider, string>>;
}

/** Cases by the name of the kernel that they exercise. */
export type Cases = Readonly<Record<string, readonly Case[]>>;

/** Cases that a runtime cannot pass, and why. */
export const excused = (provider: Provider, why: string, cases: readonly Case[]): Case[] =>
  cases.map((test) => ({ ...test, excused: { [provider]: why } }));

/** The same call on several sets of inputs. */
export const on = (run: Case['run'], ...inputs: (readonly HostTensor[])[]): Case[] =>
  inputs.map((given) => ({ run, inputs: given }));
