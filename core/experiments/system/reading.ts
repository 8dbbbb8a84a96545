import type { ProcessUse } from './tree-meter';

/** What the machine uses; absent where the system does not tell. */
export interface MachineUse {
  /** CPU time of all cores together so far, seconds. */
  readonly processor?: { readonly busy: number; readonly all: number };
  /** Bytes. */
  readonly memory?: { readonly used: number; readonly total: number };
}

/** Reads what the processes of a run have used. */
export interface TreeReader {
  /** Every process of the run that is there now. Empty if the system does not tell. */
  read(): Promise<readonly ProcessUse[]>;
}
