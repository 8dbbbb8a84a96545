/** What the samples of a run are worth: for the inspector's process and the command line. */
export { answerImportance } from './swiftlearn/view/answers';
export type { ImportanceView } from './swiftlearn/view/view';

/** Loaded when it is asked for: it brings decoders of images with it. */
export const openImportance = async (runDir: string) => (await import('./swiftlearn/view/view')).openImportance(runDir);
