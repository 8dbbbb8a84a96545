import { access } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { LOCAL } from '../../workers/worker';
import { resolvedSpec } from '../spec/spec';
import { machine } from './machine';

/** Increased when the meaning of `run.json` changes. */
export const RECORD_VERSION = 2;

const lineage = z.object({
  /** The checkpoint folder that the run starts from. */
  path: z.string(),
  /** The run and the checkpoint's name, if it is in a run directory. */
  run: z.string().optional(),
  checkpoint: z.string().optional(),
});
export type Lineage = z.output<typeof lineage>;

const common = {
  id: z.string(),
  /** Milliseconds since 1970. */
  created: z.number(),
  spec: resolvedSpec,
  /** The version that created the run; `status.json` names the version that executed it. */
  winnow: z.string(),
  /** The commit of the spec's folder, and whether tracked files or the spec had changes; null outside of git. */
  git: z.object({ commit: z.string(), dirty: z.boolean() }).nullable(),
  /** SHA-256, by name, of the model and data that the run reads. */
  fingerprints: z.record(z.string(), z.string()),
  parents: z.array(lineage),
  /** The run that this one repeats. */
  rerunOf: z.string().optional(),
};

/**
 * `run.json` on disk. Its paths lead from the run directory to the spec's folder, and on from there, so that a workspace can
 * be moved, copied or mirrored as a whole.
 */
const stored = z.object({
  v: z.literal(RECORD_VERSION),
  ...common,
  /** The compute target that the run was created for. */
  target: z.string().min(1),
  /** The spec's folder, relative to the run directory. */
  baseDir: z.string(),
  /** The spec file, relative to the spec's folder, as are the paths of the parents. */
  specFile: z.string(),
  /** Where the spec's folder was when the run was created (absolute), for a run directory that is copied alone. */
  madeIn: z.string(),
  /** Where the run was created, in older runs; now workers record where they run. */
  machine: machine.optional(),
});

/** The previous format: absolute paths, and the machine that created the run, which also executed it. */
const version1 = z.object({
  v: z.literal(1),
  ...common,
  specFile: z.string(),
  baseDir: z.string(),
  ...machine.omit({ host: true, winnow: true }).shape,
});

/**
 * The content of `run.json`: what is needed to repeat the run. Written once. `specFile`, `baseDir` (the folder that paths in
 * the spec are relative to) and the paths of the parents are absolute and current.
 */
export type RunRecord = Omit<z.output<typeof stored>, 'madeIn'>;

/** All formats of `run.json` that can be read. */
export const storedRecord = z.discriminatedUnion('v', [stored, version1]);

const withSlashes = (file: string) => file.split(path.sep).join('/');
const between = (from: string, to: string) => withSlashes(path.relative(from, to)) || '.';

/** @param dir the run directory */
export function encodeRecord(record: RunRecord, dir: string): z.input<typeof stored> {
  const { baseDir, specFile, parents, ...rest } = record;
  return {
    ...rest,
    baseDir: between(dir, baseDir),
    specFile: between(baseDir, specFile),
    madeIn: baseDir,
    parents: parents.map((parent) => ({ ...parent, path: between(baseDir, parent.path) })),
  };
}

/** @param dir the current path of the run directory */
export async function decodeRecord(content: z.output<typeof storedRecord>, dir: string): Promise<RunRecord> {
  if (content.v === 1) {
    const { node, onnxruntime, platform, cpu, cores, ...rest } = content;
    const { winnow } = rest;
    return { ...rest, v: RECORD_VERSION, target: LOCAL, machine: { winnow, node, onnxruntime, platform, cpu, cores } };
  }
  const { madeIn, parents, ...rest } = content;
  const baseDir = await baseOf(content, dir);
  const placed = parents.map(async (parent) => {
    const here = path.resolve(baseDir, parent.path);
    const before = path.resolve(madeIn, parent.path);
    // Files outside of the moved folder are still where they were.
    return { ...parent, path: here === before || (await exists(here)) ? here : before };
  });
  return { ...rest, baseDir, specFile: path.resolve(baseDir, rest.specFile), parents: await Promise.all(placed) };
}

/**
 * Where the spec's folder is now: where the relative path leads or, for a run directory that was copied alone, where it was.
 * The spec file decides. If it is in neither, the old folder counts if it still exists.
 */
async function baseOf({ baseDir, specFile, madeIn }: z.output<typeof stored>, dir: string): Promise<string> {
  const here = path.resolve(dir, baseDir);
  if (here === madeIn || (await exists(path.resolve(here, specFile)))) return here;
  return (await exists(madeIn)) ? madeIn : here;
}

const exists = (file: string) =>
  access(file).then(
    () => true,
    () => false,
  );
