import { namedDevice } from '../spec/spec';
import type { RunRecord } from './directory';

/** The spec of a run, with every default filled in, as text that can be saved and run again. */
export function recordedSpecText({ id, spec, baseDir }: Pick<RunRecord, 'id' | 'spec' | 'baseDir'>): string {
  const { config, device, ...common } = spec;
  const where = baseDir.replaceAll(/[\r\n]+/g, ' ');
  const body = JSON.stringify({ ...common, device: namedDevice(device), ...config }, undefined, 2);
  return `// As the run ${id} recorded it. Paths are relative to ${where}: save it there to run it again.\n${body}\n`;
}
