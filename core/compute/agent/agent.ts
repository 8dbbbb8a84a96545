import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { REMOTE_VARIABLE } from '../../engine/runtime/installed';
import { createRun, checkResumable, planSpec } from '../../experiments/run/launch';
import { readRecord } from '../../experiments/run/directory';
import { readState } from '../../experiments/run/state';
import { RunStore } from '../../experiments/library/store';
import type { Registry } from '../../experiments/registry';
import { resolveSpec, type Spec } from '../../experiments/spec/spec';
import { isUnderway } from '../../protocol/runs';
import { inUse } from '../../runtimes/in-use';
import { LocalRuntimes } from '../../runtimes/local';
import { LOCAL } from '../../workers/worker';
import { FolderOrigin } from '../folder-origin';
import { LocalCompute } from '../local';
import type { SlurmSettings } from '../slurm/settings';
import { checkSlurm } from '../slurm/check';
import { SlurmJobs } from '../slurm/slurm';
import type { AgentCalls, AgentRun, SentSpec } from './calls';
import { clean, cleanDaily, keepVersion, usageOf } from './clean';
import { checkLogout, explainLost } from './logout';
import { News } from './news';
import { serve, WithBody, type Bytes, type Calls } from './serve';
import { Store } from './store';
import { recordUse } from './uses';

/** How an agent is started: by the program that received it. */
export interface AgentStart {
  /** Winnow's folder on this machine. */
  readonly folder: string;
  readonly input: Readable;
  readonly output: Writable;
}

/** The entry of an agent program. */
export type StartAgent = (start: AgentStart) => void;

type Implementation = {
  [Name in keyof AgentCalls]: (...args: [...Parameters<AgentCalls[Name]>, Uint8Array]) => ReturnType<AgentCalls[Name]>;
};

/**
 * Does on this machine what another one asks for over a pipe: a run that it creates or starts is a plain local run here. It
 * ends with the pipe; the workers that it has started go on.
 * @param worker path of the bundled `worker.js`
 */
export const agentOf =
  (registry: Registry, worker: string): StartAgent =>
  ({ folder, input, output }) => {
    const runsDir = path.join(folder, 'runs');
    /** A run of this folder: the other side has the path from a file that may come with a repository. */
    const own = (dir: string) => {
      if (path.dirname(path.resolve(dir)) === path.resolve(runsDir)) return dir;
      throw new UserError('target.outside', l10n.t`${dir} is not a run of Winnow on this machine.`);
    };
    const origins = new Map<string, FolderOrigin>();
    const originOf = (dir: string) => {
      const known = origins.get(dir) ?? new FolderOrigin(own(dir));
      origins.set(dir, known);
      return known;
    };
    // Kept, because one answer of Slurm serves many runs.
    const schedulers = new Map<string, SlurmJobs>();
    const targetOf = (slurm: SlurmSettings | undefined): Pick<LocalCompute, 'submit' | 'stop' | 'state'> => {
      if (!slurm) return local;
      const key = JSON.stringify(slurm);
      const known = schedulers.get(key) ?? new SlurmJobs(worker, registry, slurm);
      schedulers.set(key, known);
      return known;
    };
    const stateOf = async (dir: string, slurm: SlurmSettings | undefined) => {
      const seen = await targetOf(slurm).state(own(dir));
      return slurm ? seen : explainLost(seen);
    };
    /** A run as Slurm knows it; as it says itself, where Slurm does not answer. */
    const judged = async (run: AgentRun, slurm: SlurmSettings): Promise<AgentRun> => {
      // One that has saved a checkpoint says that it was stopped, and its job may go back to the queue.
      if (!isUnderway(run.state) && run.state !== 'stopped') return run;
      try {
        return { ...run, state: (await stateOf(run.dir, slurm)).state };
      } catch (error) {
        if (error instanceof UserError) return run;
        throw error;
      }
    };
    const all = new Map<string, News>();
    const newsBy = (slurm: SlurmSettings | undefined): News => {
      const key = JSON.stringify(slurm ?? null);
      const known = all.get(key) ?? new News(originOf, (dir) => stateOf(dir, slurm));
      all.set(key, known);
      return known;
    };
    // In the remote's own folder, which all nodes of a cluster see; the workers inherit where that is.
    process.env.WINNOW_RUNTIMES ??= path.join(folder, 'runtimes');
    process.env.WINNOW_CACHE ??= path.join(folder, 'cache');
    process.env[REMOTE_VARIABLE] ??= '<remote>';
    const local = new LocalCompute(worker, registry);
    const localRuntimes = new LocalRuntimes(path.join(path.dirname(worker), 'verifier.js'));
    const store = new Store(folder);
    // The folder of this program: `versions/<version>/dist/worker.js`.
    const version = path.basename(path.dirname(path.dirname(worker)));
    keepVersion(folder, version);
    // What has to be cleaned up waits until the first answers have been given.
    setTimeout(() => void cleanDaily(folder, version).catch(() => undefined), 10_000).unref();
    const specOf = ({ value, baseDir, file }: SentSpec): Spec => ({
      file: path.join(baseDir, file),
      baseDir,
      ...resolveSpec(value, path.basename(file), registry, (keys) =>
        keys.length === 0 ? file : `${file}: ${keys.map(String).join('.')}`,
      ),
    });
    const runIn = async (dir: string): Promise<AgentRun> => ({
      dir,
      record: await readRecord(dir),
      state: (await readState(dir)).state,
    });
    const calls: Omit<Implementation, 'append' | 'news'> & { read: (request: ReadRequest) => Promise<Bytes> } & Calls =
      {
        findTree: (request) => store.findTree(request),
        missing: (request) => store.missing(request),
        append: (request: Parameters<AgentCalls['append']>[0], body) => store.append(request, body),
        makeTree: (request) => store.makeTree(request),
        plan: ({ spec, slurm }) => {
          const plan = slurm ? planSpec : local.plan.bind(local);
          return plan(specOf(spec), runsDir);
        },
        create: async ({ spec, of, slurm }) =>
          runIn(
            slurm ? await createRun(specOf(spec), runsDir, LOCAL, of) : await local.create(specOf(spec), runsDir, of),
          ),
        checkResumable: async ({ dir, allowChanged, slurm }) => {
          if (slurm) await checkResumable(own(dir), await readRecord(dir), registry, { allowChanged });
          else await local.checkResumable(own(dir), { allowChanged });
          return null;
        },
        submit: async ({ dir, slurm }) => {
          await recordUse(folder, own(dir), version);
          await targetOf(slurm).submit(dir);
          return null;
        },
        stop: async ({ dir, force, slurm }) => {
          await targetOf(slurm).stop(own(dir), { force });
          return null;
        },
        news: async ({ runs, slurm }: Parameters<AgentCalls['news']>[0]) => {
          const { runs: answers, body } = await newsBy(slurm).of(runs);
          return new WithBody(answers, body);
        },
        state: ({ dir, slurm }) => stateOf(dir, slurm),
        runs: async ({ id, slurm }) => {
          const store = new RunStore(runsDir);
          const listed = id === undefined ? await store.list() : [await runIn(await store.find(id))];
          const runs = listed.flatMap((run) =>
            'record' in run ? [{ dir: run.dir, record: run.record, state: run.state }] : [],
          );
          const found: AgentRun[] = [];
          for (const run of runs) found.push(slurm ? await judged(run, slurm) : run);
          return found;
        },
        list: ({ dir }) => originOf(dir).list(),
        sha256: async ({ dir, file }) => (await originOf(dir).sha256(file)) ?? null,
        read: ({ dir, file, offset, limit }: ReadRequest) => originOf(dir).read(file, offset, limit),
        forget: (request) => store.forget(request),
        queue: () => local.queue(),
        moveInQueue: ({ run, to }) => local.moveInQueue(run, to),
        limitQueue: async ({ device, runs }) => {
          await local.limitQueue(device, runs ?? undefined);
          return null;
        },
        devices: () => local.devices(),
        runtimes: () => Promise.resolve(localRuntimes.list()),
        chooseRuntime: ({ name, wishes }) => localRuntimes.choose(name, wishes),
        installRuntime: ({ name, variant, verify, wheels }) =>
          localRuntimes.install(name, { variant, verify, ...(wheels !== null && { wheels: [wheels] }) }),
        verifyRuntime: ({ name }) => localRuntimes.verify(name),
        removeRuntime: async ({ name }) => {
          // On a cluster, the workers are on other machines.
          const users = (await new RunStore(runsDir).list()).find(
            (run) => 'record' in run && isUnderway(run.state) && run.record.spec.device.provider === name,
          );
          if (users && 'record' in users) throw inUse(name, l10n.t`the run ${users.record.id}`);
          return localRuntimes.remove(name);
        },
        clean: (request) => clean(folder, version, request),
        usage: () => usageOf(folder),
        doctor: async ({ slurm }) => [
          ...(await local.doctor(folder)),
          ...(slurm ? await checkSlurm(slurm) : await checkLogout()),
        ],
      };
    // What waited when this machine went down has its turn again.
    void local.wake();
    serve(input, output, calls, () => process.exit(1));
    input.once('end', () => process.exit(0));
  };

interface ReadRequest {
  readonly dir: string;
  readonly file: string;
  readonly offset: number;
  readonly limit: number;
}
