import * as l10n from '@vscode/l10n';
import { formatBytes, formatCount, formatNumber, formatShare } from '../../core/protocol/format';
import { attentionName } from '../../core/protocol/heads';
import type { CheckpointOverview, ConfigFacts } from '../../core/protocol/inspection';
import type { CheckpointTarget, PanelCommand } from '../../core/protocol/targets';
import { Button, Tag } from '../shared/controls';
import { HeadGroupingView } from '../shared/heads';

interface HeadProps {
  readonly overview: CheckpointOverview;
  readonly onCommand: (command: PanelCommand, target: CheckpointTarget) => void;
  readonly onStatistics: () => void;
}

/** What the headers and the small files beside the weights tell. */
export function Head({ overview, onCommand, onStatistics }: HeadProps) {
  const { summary, config, tokenizer, lineage, files, path } = overview;
  const { factored } = summary;
  const run = (command: PanelCommand) => {
    const target = {
      kind: 'checkpoint' as const,
      path: folderOf(path),
      ...(lineage?.run && { runDir: lineage.run.dir }),
    };
    onCommand(command, target);
  };
  const ranks = factored.map(({ rank }) => rank);
  const saved =
    1 -
    factored.reduce((sum, layer) => sum + layer.parameters, 0) /
      factored.reduce((sum, layer) => sum + layer.fullParameters, 1);
  const facts: readonly (readonly [string, string])[] = [
    [l10n.t('Parameters'), `${formatCount(summary.parameters)} (${summary.parameters.toLocaleString('en-US')})`],
    [
      l10n.t('Size'),
      files.length > 1 ? l10n.t`${formatBytes(summary.bytes)} in ${files.length} files` : formatBytes(summary.bytes),
    ],
    [l10n.t('Tensors'), String(summary.tensorCount)],
    [
      l10n.t({ message: 'Types', comment: 'Number formats of the tensors: F32, BF16, …' }),
      summary.dtypes
        .map(
          ({ dtype, bytes }) => `${dtype}${summary.dtypes.length > 1 ? ` ${formatShare(bytes / summary.bytes)}` : ''}`,
        )
        .join(', '),
    ],
    ...(factored.length > 0
      ? [
          [
            l10n.t('Factored'),
            l10n.t('{layers} layers, ranks {least}–{most}, {share} saved', {
              layers: factored.length,
              least: Math.min(...ranks),
              most: Math.max(...ranks),
              share: formatShare(saved),
            }),
          ] as const,
        ]
      : []),
    ...(config
      ? [
          [
            l10n.t('Model'),
            [config.architectures[0] ?? summary.modelType ?? '', ...sizesOf(config)].join(' · '),
          ] as const,
        ]
      : []),
    ...(tokenizer
      ? [
          [
            l10n.t('Tokenizer'),
            l10n.t`${tokenizer.type ?? l10n.t('unknown')}, ${tokenizer.vocabulary.toLocaleString('en-US')} tokens`,
          ] as const,
        ]
      : []),
    ...(lineage?.run
      ? [[l10n.t('Made by'), l10n.t`${lineage.run.name} (${lineage.run.method}, seed ${lineage.run.seed})`] as const]
      : []),
    ...(lineage?.run?.parents.map((parent) => [l10n.t('Made from'), parent] as const) ?? []),
  ];
  // What the header says better is left out.
  const metrics = Object.entries(lineage?.metrics ?? {})
    .filter(([name]) => !/parameters$/i.test(name))
    .slice(0, 6);
  return (
    <header>
      <div class="toolbar">
        <h1>{nameOf(path)}</h1>
        {summary.modelType !== null && <Tag>{summary.modelType}</Tag>}
        {lineage?.kind === 'training' && <Tag>{l10n.t('to resume from')}</Tag>}
        <span class="spread" />
        <Button
          label={l10n.t('All tensors')}
          title={l10n.t('Statistics of all tensors: NaN and infinite values first')}
          onClick={onStatistics}
        />
        {config && tokenizer && (
          <Button
            label={l10n.t({ message: 'Sample…', comment: 'Verb: let the model continue a prompt' })}
            title={l10n.t('Let the model continue a prompt')}
            onClick={() => {
              run('sampleCheckpoint');
            }}
          />
        )}
        {config && (
          <Button
            label={l10n.t({ message: 'Branch…', comment: 'Verb: start a new experiment from a checkpoint' })}
            title={l10n.t('A new experiment that starts from this checkpoint')}
            onClick={() => {
              run('branchCheckpoint');
            }}
          />
        )}
        <Button
          label={l10n.t('Compare…')}
          title={l10n.t('Compare with another checkpoint')}
          onClick={() => {
            run('compareCheckpoints');
          }}
        />
        {overview.config && (
          <Button
            label={l10n.t('Export…')}
            title={l10n.t(
              'Write it as a plain model folder, optionally in another number format or with merged factors',
            )}
            onClick={() => {
              run('exportCheckpoint');
            }}
          />
        )}
      </div>
      <dl class="facts">
        {facts.map(([label, value]) => (
          <div key={label + value}>
            <dt>{label}</dt>
            <dd title={value}>{value}</dd>
          </div>
        ))}
        {metrics.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{formatNumber(value)}</dd>
          </div>
        ))}
      </dl>
      {config?.heads && (
        <details>
          <summary>{l10n.t`Attention heads: ${attentionName(config.heads)}`}</summary>
          <HeadGroupingView facts={config.heads} />
        </details>
      )}
      {overview.problems.map((problem) => (
        <p key={problem} class="muted">
          {problem}
        </p>
      ))}
    </header>
  );
}

/** The sizes that a `config.json` names: `layers 12`, `width 768`. */
function sizesOf({ values }: ConfigFacts): string[] {
  const say: Readonly<Record<string, (value: string) => string>> = {
    num_hidden_layers: (value) => l10n.t`layers ${value}`,
    hidden_size: (value) => l10n.t`width ${value}`,
    vocab_size: (value) => l10n.t`vocabulary ${value}`,
    max_position_embeddings: (value) => l10n.t`context ${value}`,
    image_size: (value) => l10n.t`image ${value}`,
    patch_size: (value) => l10n.t`patch ${value}`,
  };
  return Object.entries(say).flatMap(([key, sentence]) => (key in values ? [sentence(String(values[key]))] : []));
}

const folderOf = (path: string) => path.replace(/[\\/]model\.safetensors(\.index\.json)?$/, '');
const nameOf = (path: string) => folderOf(path).split(/[\\/]/).at(-1) ?? path;
