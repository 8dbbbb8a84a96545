import type { StoredEvent } from '../../core/protocol/events';
import { RunFollower } from '../../core/experiments/run/follower';
import { SystemFollower } from '../../core/experiments/system/system-log';
import type { CurvePart, CurveRun, CurveUpdate, SystemPart } from '../../core/protocol/curves';
import type { RunRow } from '../../core/protocol/runs';

type MetricLine = Extract<StoredEvent, { type: 'metrics' }>;

/** Phases with a single point each: evaluations of finished models. The trade-off panel shows them. */
const RESULTS = 'result/';

/** How much of a run's phase has been sent. */
interface Sent {
  lines: number;
  /** Lines dropped by then: a later attempt replaces some lines of an earlier one. */
  readonly dropped: number;
  readonly points: Map<string, number>;
}

interface Followed {
  readonly follower: RunFollower;
  readonly sent: Map<string, Sent>;
  readonly system: SystemFollower;
}

/** Reads the curves of some runs, and later updates; each point is sent to the panel once. */
export class CurveSource {
  readonly #followers = new Map<string, Followed>();

  /** @param unitsOf what the training of a method counts */
  constructor(
    readonly rowOf: (dir: string) => RunRow | undefined,
    readonly unitsOf: (method: string) => string | undefined = () => undefined,
  ) {}

  /** Sets the runs to follow. A run that is new, or was removed in between, is sent from the beginning. */
  setRuns(runDirs: readonly string[]): void {
    for (const dir of this.#followers.keys()) if (!runDirs.includes(dir)) this.#followers.delete(dir);
    for (const dir of runDirs)
      if (!this.#followers.has(dir))
        this.#followers.set(dir, { follower: new RunFollower(dir), sent: new Map(), system: new SystemFollower(dir) });
  }

  /** Forgets what was sent, because the panel starts over. */
  restart(): void {
    for (const { sent, system } of this.#followers.values()) {
      sent.clear();
      system.restart();
    }
  }

  /** Everything new since the last call. */
  async read(): Promise<CurveUpdate> {
    const parts: CurvePart[] = [];
    const runs: CurveRun[] = [];
    const systems: SystemPart[] = [];
    for (const [dir, { follower, sent, system }] of this.#followers) {
      await follower.read();
      for (const [phase, lines] of follower.history.metrics)
        if (!phase.startsWith(RESULTS))
          parts.push(...newParts(dir, phase, lines, follower.history.dropped(phase), sent));
      // Curves are shown whatever is wrong with these.
      const { from, samples } = await system.read().catch(() => ({ from: 0, samples: [] }));
      if (samples.length > 0) systems.push({ runDir: dir, from, samples });
      const row = this.rowOf(dir);
      const units = row && this.unitsOf(row.method);
      runs.push({
        runDir: dir,
        name: row?.name ?? dir,
        state: row?.state ?? 'gone',
        reason: row?.reason ?? '',
        ...(units !== undefined && { units }),
        phases: [...follower.history.phases.values()].map(({ name, title = name, time }) => ({ name, title, time })),
      });
    }
    return { runs, parts, system: systems, readAt: Date.now() };
  }
}

function newParts(
  runDir: string,
  phase: string,
  lines: readonly MetricLine[],
  dropped: number,
  all: Map<string, Sent>,
): CurvePart[] {
  let sent = all.get(phase);
  const byMetric = new Map<string, MetricLine[]>();
  if (sent?.dropped !== dropped) {
    // Points of a metric without any lines now must be removed again.
    for (const metric of sent?.points.keys() ?? []) byMetric.set(metric, []);
    sent = { lines: 0, dropped, points: new Map() };
    all.set(phase, sent);
  }
  const fresh = lines.slice(sent.lines);
  sent.lines = lines.length;
  for (const line of fresh)
    for (const metric of Object.keys(line.values)) {
      const of = byMetric.get(metric);
      if (of) of.push(line);
      else byMetric.set(metric, [line]);
    }
  return [...byMetric].map(([metric, of]): CurvePart => {
    const from = sent.points.get(metric) ?? 0;
    sent.points.set(metric, from + of.length);
    return {
      runDir,
      metric,
      phase,
      from,
      steps: Float64Array.from(of, ({ step }) => step),
      times: Float64Array.from(of, ({ time }) => time),
      tokens: Float64Array.from(of, ({ tokens = NaN }) => tokens),
      values: Float64Array.from(of, ({ values }) => values[metric] ?? NaN),
    };
  });
}
