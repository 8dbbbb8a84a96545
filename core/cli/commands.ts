import type { AddCommand } from './context';
import { addInspect } from './inspect';
import { addLogs } from './logs';
import { addPlan, addRerun, addResume, addRun } from './run';
import { addList, addShow } from './runs';
import { addSchema, addValidate } from './spec';
import { addStop } from './stop';

/** Every command, in the order of the help. */
export const commands: readonly AddCommand[] = [
  addRun,
  addPlan,
  addList,
  addShow,
  addLogs,
  addStop,
  addResume,
  addRerun,
  addInspect,
  addValidate,
  addSchema,
];
