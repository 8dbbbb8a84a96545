import { formatAgo, formatCount, formatDuration, formatNumber } from '../../core/protocol/format';
import {
  headline,
  isUnderway,
  isWaiting,
  secondsLeft,
  shortMetric,
  silentSince,
  type RunRow,
} from '../../core/protocol/runs';

/** `member-1: 120/400 steps (6 min left)`, `ppl 37.96 · 3 h ago`, `failed · 2 min ago`. */
export function describeRun(row: RunRow, now: number = Date.now()): string {
  if (isUnderway(row.state)) {
    const silent = silentSince(row, now);
    return [describeWork(row), ...(silent === undefined ? [] : [`last heard ${formatAgo(silent, now)}`])].join(' · ');
  }
  const best = row.metrics && headline(row.metrics.values);
  const metric = best ? [`${shortMetric(best.name)} ${formatNumber(best.value)}`] : [];
  const state = row.state === 'done' ? [] : [row.state];
  return [...state, ...metric, formatAgo(row.ended ?? row.created, now)].join(' · ');
}

function describeWork(row: RunRow): string {
  if (isWaiting(row.state)) return describeWait(row);
  return row.state === 'stopping' ? 'stopping…' : describeProgress(row);
}

/** What a run that has not started is waiting for: `waiting: all GPUs are in use`. */
export const describeWait = ({ reason }: RunRow): string => (reason === '' ? 'waiting to start' : `waiting: ${reason}`);

/**
 * What an active run is doing. Progress with a label is about a part of the run (a member, a seed), and so is the remaining
 * time; so it follows the name of the part.
 */
export function describeProgress(row: RunRow): string {
  const { progress, metrics } = row;
  if (!progress) {
    const measured = metrics && headline(metrics.values);
    if (!measured) return 'starting…';
    return `step ${formatCount(metrics.step)} · ${shortMetric(measured.name)} ${formatNumber(measured.value)}`;
  }
  const count = `${formatCount(progress.done)}/${formatCount(progress.total)} ${progress.unit}`;
  const seconds = secondsLeft(row);
  const left = seconds === null ? '' : `${formatDuration(seconds)} left`;
  if (progress.label === undefined) return [count, left].filter(Boolean).join(' · ');
  return `${progress.label}: ${count}${left && ` (${left})`}`;
}

/** The same in short, for the status bar: `mine · member-1: 45%`. */
export function summarizeProgress(row: RunRow): string {
  const { progress, metrics } = row;
  if (!progress || !(progress.total > 0)) return metrics ? `${row.name} · step ${formatCount(metrics.step)}` : row.name;
  const share = `${Math.floor(Math.min(1, progress.done / progress.total) * 100)}%`;
  return progress.label === undefined ? `${row.name} ${share}` : `${row.name} · ${progress.label}: ${share}`;
}

const STATE_ICONS: Record<RunRow['state'], readonly [icon: string, color: string | undefined]> = {
  running: ['sync~spin', 'charts.blue'],
  stopping: ['sync~spin', 'charts.yellow'],
  pending: ['clock', 'charts.blue'],
  submitted: ['clock', 'charts.blue'],
  queued: ['clock', undefined],
  lost: ['warning', 'list.warningForeground'],
  damaged: ['warning', 'list.warningForeground'],
  unreadable: ['question', 'list.warningForeground'],
  failed: ['error', 'testing.iconFailed'],
  stopped: ['debug-pause', 'charts.yellow'],
  done: ['pass', 'testing.iconPassed'],
};

export const stateIcon = (state: RunRow['state']) => STATE_ICONS[state];

const STATE_WORDS: Record<RunRow['state'], string> = {
  running: 'running',
  stopping: 'stopping at its next checkpoint',
  pending: 'waiting for its turn',
  submitted: 'submitted, not started yet',
  queued: 'created but never started',
  lost: 'lost: its process ended unexpectedly; it can be resumed',
  damaged: 'damaged: its status cannot be read; it can be resumed',
  unreadable: 'cannot be read',
  failed: 'failed',
  stopped: 'stopped; it can be resumed',
  done: 'done',
};

/** The hover of a run, in Markdown. @param escape escapes text written by users */
export function runTooltip(row: RunRow, readAt: number, escape: (text: string) => string): string {
  const values = Object.entries(row.metrics?.values ?? {}).slice(0, 8);
  const time = (label: string, at: number | null) =>
    at === null ? [] : [`${label}: ${new Date(at).toLocaleString()}`];
  const lines = [
    `**${escape(row.name)}**${row.starred ? ' ★' : ''} — ${STATE_WORDS[row.state]}`,
    ...(row.reason === '' ? [] : [escape(row.reason)]),
    ...(row.notes === '' ? [] : [`_${escape(row.notes)}_`]),
    [
      `id: \`${row.id}\``,
      ...(row.seed === null
        ? []
        : [`method: ${escape(row.method)}`, `device: ${escape(row.device)}, seed ${row.seed}`]),
      ...(row.heard === null ? [] : [`on: ${escape(row.target)}, last heard ${formatAgo(row.heard)}`]),
      ...time('created', row.created),
      ...time('started', row.started),
      ...time('ended', row.ended),
      ...(row.tags.length > 0 ? [`tags: ${row.tags.map(escape).join(', ')}`] : []),
    ].join('  \n'),
    ...(values.length > 0
      ? [
          `step ${row.metrics?.step ?? 0}${row.metrics?.phase ? `, ${escape(row.metrics.phase)}` : ''}\n\n| | |\n|---|---:|\n${values
            .map(([name, value]) => `| ${escape(name)} | ${formatNumber(value)} |`)
            .join('\n')}`,
        ]
      : []),
    `Read ${formatAgo(readAt)}, ${new Date(readAt).toLocaleTimeString()}`,
  ];
  return lines.join('\n\n');
}
