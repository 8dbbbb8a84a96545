import { formatBytes, formatCount, formatNumber, formatShare } from '../../core/protocol/format';
import { attentionName } from '../../core/protocol/heads';
import type { CheckpointOverview } from '../../core/protocol/inspection';
import type { CheckpointTarget, PanelCommand } from '../../core/protocol/targets';
import { Button, Tag } from '../shared/controls';
import { HeadGroupingView } from '../shared/heads';

interface HeadProps {
  readonly overview: CheckpointOverview;
  readonly onCommand: (command: PanelCommand, target: CheckpointTarget) => void;
  readonly onStatistics: () => void;
}

/** The header: a summary of the checkpoint's headers and of the small files next to the weights. */
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
    ['Parameters', `${formatCount(summary.parameters)} (${summary.parameters.toLocaleString('en-US')})`],
    ['Size', `${formatBytes(summary.bytes)}${files.length > 1 ? ` in ${files.length} files` : ''}`],
    ['Tensors', String(summary.tensorCount)],
    [
      'Types',
      summary.dtypes
        .map(
          ({ dtype, bytes }) => `${dtype}${summary.dtypes.length > 1 ? ` ${formatShare(bytes / summary.bytes)}` : ''}`,
        )
        .join(', '),
    ],
    ...(factored.length > 0
      ? [
          [
            'Factored',
            `${factored.length} layers, ranks ${Math.min(...ranks)}–${Math.max(...ranks)}, ${formatShare(saved)} saved`,
          ] as const,
        ]
      : []),
    ...(config
      ? [
          [
            'Model',
            [
              config.architectures[0] ?? summary.modelType ?? '',
              ...Object.keys(NAMES)
                .filter((key) => key in config.values)
                .map((key) => `${NAMES[key] ?? key} ${String(config.values[key])}`),
            ].join(' · '),
          ] as const,
        ]
      : []),
    ...(tokenizer
      ? [
          [
            'Tokenizer',
            `${tokenizer.type ?? 'unknown'}, ${tokenizer.vocabulary.toLocaleString('en-US')} tokens`,
          ] as const,
        ]
      : []),
    ...(lineage?.run
      ? [['Made by', `${lineage.run.name} (${lineage.run.method}, seed ${lineage.run.seed})`] as const]
      : []),
    ...(lineage?.run?.parents.map((parent) => ['Made from', parent] as const) ?? []),
  ];
  // Leave out what the header shows better.
  const metrics = Object.entries(lineage?.metrics ?? {})
    .filter(([name]) => !/parameters$/i.test(name))
    .slice(0, 6);
  return (
    <header>
      <div class="toolbar">
        <h1>{nameOf(path)}</h1>
        {summary.modelType !== null && <Tag>{summary.modelType}</Tag>}
        {lineage?.kind === 'training' && <Tag>to resume from</Tag>}
        <span class="spread" />
        <Button
          label="All tensors"
          title="Statistics of all tensors: NaN and infinite values first"
          onClick={onStatistics}
        />
        {config && tokenizer && (
          <Button
            label="Sample…"
            title="Let the model continue a prompt"
            onClick={() => {
              run('sampleCheckpoint');
            }}
          />
        )}
        {config && (
          <Button
            label="Branch…"
            title="A new experiment that starts from this checkpoint"
            onClick={() => {
              run('branchCheckpoint');
            }}
          />
        )}
        <Button
          label="Compare…"
          title="Compare with another checkpoint"
          onClick={() => {
            run('compareCheckpoints');
          }}
        />
        {overview.config && (
          <Button
            label="Export…"
            title="Write it as a plain model folder, optionally in another number format or with merged factors"
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
          <summary>Attention heads: {attentionName(config.heads)}</summary>
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

const NAMES: Readonly<Record<string, string>> = {
  num_hidden_layers: 'layers',
  hidden_size: 'width',
  vocab_size: 'vocabulary',
  max_position_embeddings: 'context',
  image_size: 'image',
  patch_size: 'patch',
};

const folderOf = (path: string) => path.replace(/[\\/]model\.safetensors(\.index\.json)?$/, '');
const nameOf = (path: string) => folderOf(path).split(/[\\/]/).at(-1) ?? path;
