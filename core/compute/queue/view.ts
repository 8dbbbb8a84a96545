import os from 'node:os';
import path from 'node:path';
import * as l10n from '@vscode/l10n';
import { nvidiaGpus } from '../../engine/devices/nvidia';
import type { QueuedRun, QueuePlace, QueueView } from '../../protocol/queue';
import { idOf } from './gpus';
import {
  capacityOf,
  isWaiting,
  ONLY_PLACE,
  placesOf,
  type Entry,
  type Pool,
  type QueueState,
} from '../../workers/queue/state';
import { reasonOf } from '../../workers/queue/wait';

/** What runs and what waits, with the load of the devices. @param state settled */
export async function viewOf(state: QueueState): Promise<QueueView> {
  const running = state.entries.filter((one) => one.place !== null && !isWaiting(one));
  const loads = await gpuLoads(state);
  const place = (id: string, name: string, pool: Pool, load: QueuePlace['load']): QueuePlace => {
    const limit = capacityOf(state, pool);
    const runs = running.filter((one) => one.place === id).map((one) => shown(state, one));
    return { id, name, limit: limit === Infinity ? null : limit, runs, load };
  };
  const cpu = place(ONLY_PLACE.cpu, l10n.t('CPU'), 'cpu', cpuLoad());
  const gpus = placesOf(state, 'nvidia')
    .filter((id) => id !== ONLY_PLACE.nvidia || inUse(state, 'nvidia'))
    .map((id) => {
      const name = state.gpus.find((gpu) => gpu.id === id)?.name ?? l10n.t('NVIDIA GPU');
      return place(id, name, 'nvidia', loads.get(id) ?? UNKNOWN);
    });
  const graphics = inUse(state, 'gpu') ? [place(ONLY_PLACE.gpu, l10n.t('GPU'), 'gpu', UNKNOWN)] : [];
  return {
    limits: { cpu: state.limits.cpu ?? null, gpu: capacityOf(state, 'gpu') },
    places: [cpu, ...gpus, ...graphics],
    waiting: state.entries.filter(isWaiting).map((one) => shown(state, one)),
  };
}

const inUse = ({ entries }: QueueState, pool: Pool) => entries.some((one) => one.pool === pool);

function shown(state: QueueState, entry: Entry): QueuedRun {
  const { dir, name, provider, submitted, since } = entry;
  const waits = isWaiting(entry);
  return {
    ...{ id: path.basename(dir), dir, name, provider },
    state: waits ? 'waiting' : 'running',
    since: (waits ? null : since) ?? submitted,
    reason: waits ? reasonOf(state, entry).message : '',
  };
}

const UNKNOWN: QueuePlace['load'] = { used: null, memory: null, use: null };

function cpuLoad(): QueuePlace['load'] {
  // Windows has no load average.
  const [load = 0] = os.loadavg();
  const use = process.platform === 'win32' ? null : Math.min(1, load / os.availableParallelism());
  return { used: os.totalmem() - os.freemem(), memory: os.totalmem(), use };
}

async function gpuLoads({ gpus }: QueueState): Promise<Map<string, QueuePlace['load']>> {
  if (gpus.length === 0) return new Map();
  return new Map(
    (await nvidiaGpus()).gpus.map(({ memory, use = null, ...gpu }) => [
      idOf(gpu),
      { used: memory ? memory.total - memory.free : null, memory: memory?.total ?? null, use },
    ]),
  );
}
