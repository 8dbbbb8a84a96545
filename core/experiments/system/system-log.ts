import { decodeSample, type SystemSample } from '../../protocol/system';
import { runPaths } from '../run/directory';
import { readLog, START, type LogRead, type Position } from '../run/line-log';

/**
 * Reads what a run and its machine used, from a position to the end. Runs of before this was recorded have nothing.
 * @throws UserError `file.*`
 */
export const readSystem = (dir: string, from: Position = START): Promise<LogRead<SystemSample>> =>
  readLog(runPaths(dir).system, from, decodeSample);
