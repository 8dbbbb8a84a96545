import { LOCAL } from '../../workers/worker';

/**
 * Reads the `status.json` format from before compute targets: its worker is a process on this machine, without the name of a
 * target.
 * @returns the status in the current format; other fields are left for the schema to check
 */
export function fromVersion1(json: unknown): unknown {
  if (typeof json !== 'object' || json === null || !('v' in json) || json.v !== 1) return json;
  const { worker = null } = json as { worker?: unknown };
  return { ...json, v: 2, worker: worker === null ? null : { target: LOCAL, handle: startOf(worker) } };
}

/** The start time of the process had another name. */
const startOf = (process: unknown): unknown => {
  if (typeof process !== 'object' || process === null || !('pidStart' in process)) return process;
  const { pidStart, ...rest } = process;
  return { ...rest, start: pidStart };
};
