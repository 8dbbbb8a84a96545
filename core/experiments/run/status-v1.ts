import { LOCAL } from '../../workers/worker';

/**
 * `status.json` as it was before there were other compute targets: its worker is a process, without the target that
 * started it, which was always this machine.
 * @returns the same in the format of now; everything else as it is, for the schema to check
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
