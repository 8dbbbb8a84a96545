import { LabelColumn } from './label-column';
import { Numbers } from './numbers';
import type { Cell } from './table';
import { TextColumn } from './text-column';

/** Where each sample comes from: a file, and a place in it. */
export class Places {
  readonly #places = Numbers.integers();
  readonly #files: { readonly name: (place: number) => string; readonly from: number }[] = [];

  /** The samples that follow come from another file. @param name names a place in it */
  startFile(name: (place: number) => string): void {
    this.#files.push({ name, from: this.#places.size });
  }

  add(place: number): void {
    this.#places.add(place);
  }

  name(index: number): string {
    const place = this.#places.at(index);
    const file = this.#files.findLast(({ from }) => from <= index);
    return file === undefined ? String(place) : file.name(place);
  }
}

/** Samples as they were read, before it is known what the labels mean. */
export class RawTexts {
  readonly texts = new TextColumn();
  readonly pairs: TextColumn | undefined;
  readonly labels = new LabelColumn();
  readonly places = new Places();

  constructor(readonly hasPairs: boolean) {
    this.pairs = hasPairs ? new TextColumn() : undefined;
  }

  get size(): number {
    return this.texts.size;
  }

  add(sample: { text: string; pair?: string | undefined; label: Exclude<Cell, undefined>; place: number }): void {
    this.texts.add(sample.text);
    this.pairs?.add(sample.pair ?? '');
    this.labels.add(sample.label);
    this.places.add(sample.place);
  }
}
