import { makersOf, type ArtifactKind } from '../../core/experiments/artifact-kinds';
import { recordedSettings } from '../../core/experiments/spec/recorded-settings';
import type { Settings } from '../../core/experiments/spec/kept-settings';
import type { MethodInfo } from './method-info';

/** The methods of the core, from a file that the build writes: reading it is cheaper than loading them. */
export class MethodList {
  #all: Promise<readonly MethodInfo[]> | undefined;
  #known: readonly MethodInfo[] = [];

  constructor(readonly file: string) {}

  async all(): Promise<readonly MethodInfo[]> {
    this.#all ??= import('./read-methods').then(({ readMethods }) => readMethods(this.file));
    this.#known = await this.#all;
    return this.#known;
  }

  /** The methods read so far; empty before `all` is called. */
  get known(): readonly MethodInfo[] {
    return this.#known;
  }

  /** The artifacts that a method writes for panels; empty for a method unknown to this version. */
  artifactsOf(method: string): readonly ArtifactKind[] {
    return this.#known.find(({ name }) => name === method)?.artifacts ?? [];
  }

  /** The settings that a run was made with, under their current names; unchanged for a method unknown to this version. */
  recordedSettings(method: string, settings: Settings): Settings {
    return recordedSettings(
      settings,
      this.#known.find(({ name }) => name === method),
    );
  }

  /** What the training of a method counts; undefined for a method unknown to this version. */
  unitsOf(method: string): string | undefined {
    return this.#known.find(({ name }) => name === method)?.units;
  }

  /** The names of the methods that write artifacts of a kind: `skipvit and gqkva`. */
  makersOf(kind: string): string {
    return makersOf(kind, this.#known);
  }
}
