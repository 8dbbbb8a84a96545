import type { ArtifactKind } from '../../core/experiments/artifact-kinds';
import type { FormerKeys } from '../../core/experiments/spec/former-keys';
import type { Start } from '../../core/experiments/starting';

/** What a window knows of a method. */
export interface MethodInfo {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly starting: readonly Start[];
  readonly artifacts: readonly ArtifactKind[];
  /** What its trainings count; undefined where that is not known. */
  readonly units?: string | undefined;
  readonly errorKeys: Readonly<Record<string, string>>;
  readonly formerKeys: FormerKeys;
}
