import type { ModelKind } from '../models/kind';

/** A value that needs no file, and what a person calls it. */
export interface Offered {
  readonly value: string;
  readonly label: string;
}

/** A model that a run can start from. */
export interface ModelInput {
  /** The key of its path. */
  readonly key: string;
  /** What it has to be; any file or folder at all where nothing is said. */
  readonly takes?: readonly ModelKind[];
  readonly embedded?: Offered;
  /** The run may do without a model: what that means. */
  readonly without?: string;
}

/** The data of a run. */
export interface DataInput {
  readonly key: string;
  readonly embedded?: Offered;
  /** What a person can choose from the disk. */
  readonly browse: readonly { readonly label: string; readonly folder: boolean }[];
}

/** One way to begin: what a person decides when they make a spec; everything else has a default. Keys are dotted (`data.source`). */
export interface Start {
  /** What tells it from the other ways of the method, where there are several. */
  readonly label?: string;
  readonly detail?: string;
  readonly model?: ModelInput;
  readonly data?: DataInput;
  /** Keys that only the person can know, asked for as text. */
  readonly ask?: readonly { readonly key: string; readonly prompt: string; readonly placeholder: string }[];
  /** How much it may cost, smallest first; the first should end within minutes on a laptop. */
  readonly budgets: readonly {
    readonly label: string;
    readonly detail: string;
    readonly values: Readonly<Record<string, unknown>>;
  }[];
}

const takes = ({ model }: Start, kind: ModelKind | undefined): boolean =>
  model !== undefined && (!model.takes || (kind !== undefined && model.takes.includes(kind)));

/** The setting that a way of a method with several is under: `images`. */
const rootOf = ({ data, model }: Start): string => (data ?? model)?.key.split('.')[0] ?? '';

/** The way that a spec has taken; the first where it has taken none yet. */
export function startTaken(starting: readonly Start[], spec: Readonly<Record<string, unknown>>): Start | undefined {
  return starting.find((start) => rootOf(start) in spec) ?? starting[0];
}

/**
 * The way of a method that can start from such a model; undefined where there is none.
 * @param kind undefined for what no model here reads: a file of another program
 * @param spec what is decided already: a spec about images does not become one about texts
 */
export function startFrom(
  starting: readonly Start[],
  kind: ModelKind | undefined,
  spec: Readonly<Record<string, unknown>> = {},
): Start | undefined {
  const taken = starting.length > 1 ? starting.filter((start) => rootOf(start) in spec) : [];
  return (taken.length > 0 ? taken : starting).find((start) => takes(start, kind));
}
