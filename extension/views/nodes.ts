import type { ArtifactTarget, CheckpointTarget, RunTarget, SpecTarget } from '../../core/protocol/targets';
import type { Trouble } from '../../core/experiments/library/checkpoints';
import type { RunRow } from '../../core/protocol/runs';
import type { LocatedSpec } from '../specs/locate';

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
  readonly where: LocatedSpec['where'];
  readonly rows: readonly RunRow[];
}

export interface RunNode extends Placed, RunTarget {
  readonly row: RunRow;
}

export interface CheckpointNode extends Placed, CheckpointTarget {
  readonly name: string;
  readonly description: string;
  readonly tooltip: string;
  /** What is wrong with it; nothing where it can be used. */
  readonly trouble?: Trouble | undefined;
  /** What can be done with it, besides looking into it. */
  readonly can: readonly CheckpointUse[];
  readonly hasChildren: boolean;
}

/** `read`: Winnow reads its weights; `sample`: it continues a text; `branch`: a new experiment can start from it. */
export type CheckpointUse = 'read' | 'sample' | 'branch';

export interface ArtifactNode extends Placed, ArtifactTarget {}

/** Something to read where there would be nothing. */
export interface MessageNode extends Placed {
  readonly kind: 'message';
  readonly label: string;
}
