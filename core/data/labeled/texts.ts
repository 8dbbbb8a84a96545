import type { Hash } from 'node:crypto';
import { makeNoisy, type LabelNoiseConfig, type MadeNoise } from '../label-noise';

/** What labels are: classes, or numbers such as a similarity. */
export type LabelKind = 'classification' | 'regression';

/** Where a sample was read from. */
export interface Origin {
  /** Path of the file. */
  readonly file: string;
  /** Its line (from 1) or row (from 0). */
  readonly place: number;
}

/** Labeled texts, or pairs of texts, numbered from 0; each is decoded on demand. */
export interface LabeledTexts {
  readonly size: number;
  readonly kind: LabelKind;
  /** Names of the classes, by index; empty for numbers. */
  readonly classes: readonly string[];
  /** Whether every sample is a pair of texts. */
  readonly hasPairs: boolean;
  text(index: number): string;
  /** The second text; undefined if samples are single texts. */
  pair(index: number): string | undefined;
  /** Index of the class, or the number. */
  label(index: number): number;
  /** Names a sample in messages and tables: a file and its line (from 1) or row (from 0). */
  name(index: number): string;
  /** Undefined for samples that are in no file, or no longer as they are in it. */
  origin?(index: number): Origin | undefined;
  /** Adds a sample, its texts and label, to a hash. */
  update(hash: Hash, index: number): void;
  /** Labels that were made wrong on purpose; undefined if they are as they came. */
  readonly noise?: MadeNoise | undefined;
}

/** The same texts, a share of them with wrong labels. @throws UserError `data.label-noise` */
export function withNoise(set: LabeledTexts, config: LabelNoiseConfig): LabeledTexts {
  const { label, noise } = makeNoisy(set, config);
  return {
    ...{ size: set.size, kind: set.kind, classes: set.classes, hasPairs: set.hasPairs },
    text: (index) => set.text(index),
    pair: (index) => set.pair(index),
    label,
    name: (index) => set.name(index),
    update(hash, index) {
      set.update(hash, index);
      if (label(index) !== set.label(index)) hash.update(`made wrong: ${label(index)};`);
    },
    noise,
  };
}

/** The samples with these indices, in this order. */
export function subset(set: LabeledTexts, indices: Int32Array): LabeledTexts {
  const at = (index: number) => {
    const original = indices[index];
    if (original === undefined) throw new RangeError(`there is no text ${index} among ${indices.length}`);
    return original;
  };
  return {
    size: indices.length,
    kind: set.kind,
    classes: set.classes,
    hasPairs: set.hasPairs,
    text: (index) => set.text(at(index)),
    pair: (index) => set.pair(at(index)),
    label: (index) => set.label(at(index)),
    name: (index) => set.name(at(index)),
    origin: (index) => set.origin?.(at(index)),
    update(hash, index) {
      set.update(hash, at(index));
    },
  };
}
