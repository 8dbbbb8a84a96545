/** What a path in a spec begins with if it is on the machine that the run goes to: `remote:/scratch/corpus`. */
export const REMOTE_PATH = 'remote:';
