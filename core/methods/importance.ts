/** The data importance of a run, for the inspector process and the command line. */
export { answerImportance } from './swiftlearn/view/answers';
export type { ImportanceView } from './swiftlearn/view/view';

/** Loaded on demand: it pulls in image decoders. */
export const openImportance = async (runDir: string) => (await import('./swiftlearn/view/view')).openImportance(runDir);
