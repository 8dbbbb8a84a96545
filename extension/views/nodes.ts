import type { ArtifactTarget, CheckpointTarget, RunTarget, SpecTarget } from '../../core/protocol/targets';
import type { Trouble } from '../../core/experiments/library/checkpoints';
import type { RunRow } from '../../core/protocol/runs';
import type { LocatedSpec } from '../specs/locate';

/** Nodes of the trees. Nodes that commands work on are also targets. */
export type Node = GroupNode | SpecNode | RunNode | CheckpointNode | ArtifactNode | MessageNode;

interface Placed {
  /** Unique in its tree and stable over refreshes, so that VS Code keeps expansion and selection. */
  readonly id: string;
  readonly parent: Node | undefined;
}

/** The runs of one method. */
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
  /** What is wrong with it; undefined if it can be used. */
  readonly trouble?: Trouble | undefined;
  /** What can be done with it, besides inspecting it. */
  readonly can: readonly CheckpointUse[];
  readonly hasChildren: boolean;
}

/** `read`: Winnow can read its weights; `sample`: it can generate text; `branch`: a new experiment can start from it. */
export type CheckpointUse = 'read' | 'sample' | 'branch';

export interface ArtifactNode extends Placed, ArtifactTarget {}

/** A message in place of an empty list. */
export interface MessageNode extends Placed {
  readonly kind: 'message';
  readonly label: string;
}
