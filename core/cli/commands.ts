import { addAnnotate } from './annotate';
import { addBranch } from './branch';
import { addCompare } from './compare';
import type { AddCommand } from './context';
import { addDelete, addRestore } from './delete';
import { addDevices } from './devices';
import { addDiff } from './diff';
import { addDoctor } from './doctor';
import { addExport } from './export';
import { addImportance } from './importance';
import { addInspect } from './inspect';
import { addLogs } from './logs';
import { addQueue } from './queue';
import { addPlan, addRerun, addResume, addRun } from './run';
import { addList, addShow } from './runs';
import { addFetch } from './fetch';
import { addAdopt, addRemoteCommands } from './remote';
import { addRuntimeCommands } from './runtime';
import { addSync } from './sync';
import { addMethods, addSchema, addValidate } from './spec';
import { addSample } from './sample';
import { addSlice } from './slice';
import { addStart } from './start';
import { addStats } from './stats';
import { addStop } from './stop';
import { addTrial } from './trial';

/** Every command, in the order of the help. */
export const commands: readonly AddCommand[] = [
  addStart,
  addRun,
  addPlan,
  addList,
  addShow,
  addBranch,
  addCompare,
  addImportance,
  addLogs,
  addStop,
  addResume,
  addRerun,
  addQueue,
  addAnnotate,
  addDelete,
  addRestore,
  addInspect,
  addStats,
  addDiff,
  addExport,
  addSlice,
  addSample,
  addRemoteCommands,
  addAdopt,
  addSync,
  addFetch,
  addDevices,
  addRuntimeCommands,
  addDoctor,
  addMethods,
  addValidate,
  addSchema,
  addTrial,
];
