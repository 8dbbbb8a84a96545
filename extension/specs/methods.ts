import type { ArtifactKind } from '../../core/experiments/artifact-kinds';
import { withCurrentKeys } from '../../core/experiments/spec/former-keys';
import { allOf } from '../../core/protocol/lists';
import type { Settings } from '../../core/experiments/spec/kept-settings';
import type { MethodInfo } from './method-info';

/** The methods of the core, as the build wrote them down: reading a file costs less than loading them. */
export class MethodList {
  #all: Promise<readonly MethodInfo[]> | undefined;
  #known: readonly MethodInfo[] = [];

  constructor(readonly file: string) {}

  async all(): Promise<readonly MethodInfo[]> {
    this.#all ??= import('./read-methods').then(({ readMethods }) => readMethods(this.file));
    this.#known = await this.#all;
    return this.#known;
  }

  /** What has been read; nothing before `all` was asked for. */
  get known(): readonly MethodInfo[] {
    return this.#known;
  }

  /** What a method writes for panels; nothing for one that this version does not know. */
  artifactsOf(method: string): readonly ArtifactKind[] {
    return this.#known.find(({ name }) => name === method)?.artifacts ?? [];
  }

  /** Settings under the names of today; as they are for a method that this version does not know. */
  currentSettings(method: string, settings: Settings): Settings {
    return withCurrentKeys(settings, this.#known.find(({ name }) => name === method)?.formerKeys).settings;
  }

  /** What the trainings of a method count; undefined for one that this version does not know. */
  unitsOf(method: string): string | undefined {
    return this.#known.find(({ name }) => name === method)?.units;
  }

  /** The names of the methods whose runs make artifacts of a kind: `skipvit and gqkva`. */
  makersOf(kind: string): string {
    const makers = this.#known.filter(({ artifacts }) => artifacts.some((one) => one.kind === kind));
    return allOf(makers.map(({ name }) => name));
  }
}
