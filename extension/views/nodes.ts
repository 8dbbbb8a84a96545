import type { ArtifactTarget, CheckpointTarget, RunTarget, SpecTarget } from '../../core/protocol/targets';
import type { RunRow } from '../../core/protocol/runs';

/** What the trees show. The nodes that commands work on are targets as well. */
export type Node = GroupNode | SpecNode | RunNode | CheckpointNode | ArtifactNode | MessageNode;

interface Placed {
  /** Unique in its tree, the same over refreshes: VS Code keeps what is expanded and selected by it. */
  readonly id: string;
  readonly parent: Node | undefined;
}

/** Runs of one method, or of specs that are gone. */
export interface GroupNode extends Placed {
  readonly kind: 'group';
  readonly label: string;
  readonly rows: readonly RunRow[];
}

export interface SpecNode extends Placed, SpecTarget {
  readonly exists: boolean;
  readonly rows: readonly RunRow[];
}

export interface RunNode extends Placed, RunTarget {
  readonly row: RunRow;
}

export interface CheckpointNode extends Placed, CheckpointTarget {
  readonly name: string;
  readonly description: string;
  readonly tooltip: string;
  /** Whether the files that it stands for are gone. */
  readonly missing: boolean;
  readonly hasChildren: boolean;
}

export interface ArtifactNode extends Placed, ArtifactTarget {}

/** Something to read where there would be nothing. */
export interface MessageNode extends Placed {
  readonly kind: 'message';
  readonly label: string;
}
