/** The data importance of a run, for the inspector process and the command line. */
export { answerImportance } from './swiftlearn/view/answers';
import type * as Copy from './swiftlearn/view/cleaned/copy';
import type * as Again from './swiftlearn/view/cleaned/train-again';
export type { ImportanceView } from './swiftlearn/view/view';

export const writeCleanedCopy = async (...args: Parameters<typeof Copy.writeCleanedCopy>) =>
  (await import('./swiftlearn/view/cleaned/copy')).writeCleanedCopy(...args);

export const trainAgain = async (...args: Parameters<typeof Again.trainAgain>) =>
  (await import('./swiftlearn/view/cleaned/train-again')).trainAgain(...args);

/** Loaded on demand: it pulls in image decoders. */
export const openImportance = async (runDir: string) => (await import('./swiftlearn/view/view')).openImportance(runDir);
