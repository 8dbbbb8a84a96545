import type { ModelKind } from '../models/kind';

/** A value that needs no file, and its label. */
export interface Offered {
  readonly value: string;
  readonly label: string;
}

/** A model that a run can start from. */
export interface ModelInput {
  /** The key of the setting that holds its path. */
  readonly key: string;
  /** The kinds of models that are accepted; by default any file or folder. */
  readonly takes?: readonly ModelKind[];
  readonly embedded?: Offered;
  /** If the model is optional: what happens without one. */
  readonly without?: string;
}

/** The data of a run. */
export interface DataInput {
  readonly key: string;
  readonly embedded?: Offered;
  /** What the user can pick from the disk. */
  readonly browse: readonly { readonly label: string; readonly folder: boolean }[];
}

/**
 * One way to start an experiment: what the user decides when creating a spec. Everything else has a default. Keys are dotted
 * (`data.source`).
 */
export interface Start {
  /** Distinguishes the ways of a method that has several. */
  readonly label?: string;
  readonly detail?: string;
  readonly model?: ModelInput;
  readonly data?: DataInput;
  /** Settings that only the user can know, asked for as text. */
  readonly ask?: readonly { readonly key: string; readonly prompt: string; readonly placeholder: string }[];
  /** Choices of cost, smallest first; the first should finish within minutes on a laptop. */
  readonly budgets: readonly {
    readonly label: string;
    readonly detail: string;
    readonly values: Readonly<Record<string, unknown>>;
  }[];
}

const takes = ({ model }: Start, kind: ModelKind | undefined): boolean =>
  model !== undefined && (!model.takes || (kind !== undefined && model.takes.includes(kind)));

/** If a method has several ways: the top-level setting that this one uses, such as `images`. */
const rootOf = ({ data, model }: Start): string => (data ?? model)?.key.split('.')[0] ?? '';

/** The way that a spec uses; by default the first. */
export function startTaken(starting: readonly Start[], spec: Readonly<Record<string, unknown>>): Start | undefined {
  return starting.find((start) => rootOf(start) in spec) ?? starting[0];
}

/**
 * The way of a method that can start from this kind of model; undefined if there is none.
 * @param kind undefined if Winnow cannot read the model (another program wrote it)
 * @param spec what is already set: a spec about images does not become one about text
 */
export function startFrom(
  starting: readonly Start[],
  kind: ModelKind | undefined,
  spec: Readonly<Record<string, unknown>> = {},
): Start | undefined {
  const taken = starting.length > 1 ? starting.filter((start) => rootOf(start) in spec) : [];
  return (taken.length > 0 ? taken : starting).find((start) => takes(start, kind));
}
