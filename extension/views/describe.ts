import * as l10n from '@vscode/l10n';
import { formatAgo, formatCount, formatDuration, formatNumber } from '../../core/protocol/format';
import {
  headline,
  isUnderway,
  isWaiting,
  runStateName,
  secondsLeft,
  shortMetric,
  silentSince,
  type RunRow,
} from '../../core/protocol/runs';

/** `member-1: 120/400 steps (6 min left)`, `ppl 37.96 · 3 h ago`, `failed · 2 min ago`. */
export function describeRun(row: RunRow, now: number = Date.now()): string {
  if (isUnderway(row.state)) {
    const silent = silentSince(row, now);
    return [
      describeWork(row),
      ...(row.heard === null ? [] : [l10n.t`on ${row.target}`]),
      ...(silent === undefined ? [] : [l10n.t`last heard ${formatAgo(silent, now)}`]),
    ].join(' · ');
  }
  const best = row.metrics && headline(row.metrics.values);
  const metric = best ? [`${shortMetric(best.name)} ${formatNumber(best.value)}`] : [];
  const state = row.state === 'done' ? [] : [runStateName(row.state)];
  return [...state, ...metric, formatAgo(row.ended ?? row.created, now)].join(' · ');
}

function describeWork(row: RunRow): string {
  if (isWaiting(row.state)) return describeWait(row);
  return row.state === 'stopping' ? l10n.t('stopping…') : describeProgress(row);
}

/** What a run that has not started is waiting for: `waiting: all GPUs are in use`. */
export const describeWait = ({ reason }: RunRow): string =>
  reason === '' ? l10n.t('waiting to start') : l10n.t`waiting: ${reason}`;

/**
 * What an active run is doing. Progress with a label is about a part of the run (a member, a seed), and so is the remaining
 * time; so it follows the name of the part.
 */
export function describeProgress(row: RunRow): string {
  const { progress, metrics, reason } = row;
  // Many work on it at once: this is how far they are together.
  if (reason !== '') return reason;
  if (!progress) {
    const measured = metrics && headline(metrics.values);
    if (!measured) return l10n.t('starting…');
    const step = l10n.t`step ${formatCount(metrics.step)}`;
    return `${step} · ${shortMetric(measured.name)} ${formatNumber(measured.value)}`;
  }
  const count = `${formatCount(progress.done)}/${formatCount(progress.total)} ${progress.unit}`;
  const seconds = secondsLeft(row);
  const left = seconds === null ? '' : l10n.t`${formatDuration(seconds)} left`;
  if (progress.label === undefined) return [count, left].filter(Boolean).join(' · ');
  return `${progress.label}: ${count}${left && ` (${left})`}`;
}

/** The same in short, for the status bar: `mine · member-1: 45%`. */
export function summarizeProgress(row: RunRow): string {
  const { progress, metrics, reason } = row;
  if (reason !== '') return row.name;
  if (!progress || !(progress.total > 0))
    return metrics ? `${row.name} · ${l10n.t`step ${formatCount(metrics.step)}`}` : row.name;
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

function describeState(state: RunRow['state']): string {
  switch (state) {
    case 'stopping':
      return l10n.t('stopping at its next checkpoint');
    case 'pending':
      return l10n.t('waiting for its turn');
    case 'submitted':
      return l10n.t('submitted, not started yet');
    case 'queued':
      return l10n.t('created but never started');
    case 'lost':
      return l10n.t('lost: its process ended unexpectedly; it can be resumed');
    case 'damaged':
      return l10n.t('damaged: its status cannot be read; it can be resumed');
    case 'unreadable':
      return l10n.t('cannot be read');
    case 'stopped':
      return l10n.t('stopped; it can be resumed');
    default:
      return runStateName(state);
  }
}

/** The hover of a run, in Markdown. @param escape escapes text written by users */
export function runTooltip(row: RunRow, readAt: number, escape: (text: string) => string): string {
  const values = Object.entries(row.metrics?.values ?? {}).slice(0, 8);
  const time = (at: number | null, say: (time: string) => string) =>
    at === null ? [] : [say(new Date(at).toLocaleString())];
  const lines = [
    `**${escape(row.name)}**${row.starred ? ' ★' : ''} — ${describeState(row.state)}`,
    ...(row.reason === '' ? [] : [escape(row.reason)]),
    ...(row.notes === '' ? [] : [`_${escape(row.notes)}_`]),
    [
      l10n.t`id: ${`\`${row.id}\``}`,
      ...(row.seed === null
        ? []
        : [l10n.t`method: ${escape(row.method)}`, l10n.t`device: ${escape(row.device)}, seed ${row.seed}`]),
      ...(row.heard === null ? [] : [l10n.t`on: ${escape(row.target)}, last heard ${formatAgo(row.heard)}`]),
      ...time(row.created, (at) => l10n.t`created: ${at}`),
      ...time(row.started, (at) => l10n.t`started: ${at}`),
      ...time(row.ended, (at) => l10n.t`ended: ${at}`),
      ...(row.tags.length > 0 ? [l10n.t`tags: ${row.tags.map(escape).join(', ')}`] : []),
    ].join('  \n'),
    ...(values.length > 0
      ? [
          `${l10n.t`step ${row.metrics?.step ?? 0}`}${row.metrics?.phase ? `, ${escape(row.metrics.phase)}` : ''}\n\n| | |\n|---|---:|\n${values
            .map(([name, value]) => `| ${escape(name)} | ${formatNumber(value)} |`)
            .join('\n')}`,
        ]
      : []),
    l10n.t`Read ${formatAgo(readAt)}, ${new Date(readAt).toLocaleTimeString()}`,
  ];
  return lines.join('\n\n');
}
