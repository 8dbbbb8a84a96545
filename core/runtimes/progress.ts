/** What is being done, and how much of it is done, bytes. */
export interface InstallProgress {
  readonly stage: 'remote' | 'download' | 'unpack' | 'packages' | 'compile' | 'verify';
  readonly what: string;
  readonly done: number;
  readonly total: number;
}
export type OnProgress = (progress: InstallProgress) => void;
