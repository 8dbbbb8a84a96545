import { LabelColumn } from './label-column';
import type { Origin } from './texts';
import { Numbers } from './numbers';
import type { Cell } from './table';
import { TextColumn } from './text-column';

interface OpenedFile {
  readonly name: (place: number) => string;
  readonly path: string | undefined;
  readonly from: number;
}

/** Where each sample comes from: a file, and a place in it. */
export class Places {
  readonly #places = Numbers.integers();
  readonly #files: OpenedFile[] = [];

  /**
   * The samples that follow come from another file.
   * @param name names a place in it
   * @param path of the file; undefined for texts that come with Winnow
   */
  startFile(name: (place: number) => string, path?: string): void {
    this.#files.push({ name, path, from: this.#places.size });
  }

  add(place: number): void {
    this.#places.add(place);
  }

  name(index: number): string {
    const place = this.#places.at(index);
    return this.#fileOf(index)?.name(place) ?? String(place);
  }

  /** Undefined for texts that come with Winnow. */
  origin(index: number): Origin | undefined {
    const file = this.#fileOf(index)?.path;
    return file === undefined ? undefined : { file, place: this.#places.at(index) };
  }

  #fileOf(index: number): OpenedFile | undefined {
    return this.#files.findLast(({ from }) => from <= index);
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
