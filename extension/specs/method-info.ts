import type { ArtifactKind } from '../../core/experiments/artifact-kinds';
import type { FormerKeys } from '../../core/experiments/spec/former-keys';
import type { FormerDefaults } from '../../core/experiments/spec/recorded-settings';
import type { Start } from '../../core/experiments/starting';

/** What the extension knows about a method. */
export interface MethodInfo {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly starting: readonly Start[];
  readonly artifacts: readonly ArtifactKind[];
  /** What its training counts; undefined if unknown. */
  readonly units?: string | undefined;
  readonly errorKeys: Readonly<Record<string, string>>;
  readonly formerKeys: FormerKeys;
  readonly formerDefaults: FormerDefaults;
}
