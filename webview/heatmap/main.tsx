import * as l10n from '@vscode/l10n';
import { render } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { formatEpochs, formatShare } from '../../core/protocol/format';
import { decodeFrame, filterImages, type ImageFilter } from '../../core/protocol/heatmap-frames';
import type { HeatmapContract, HeatmapFrame, TokenHeatmap, TokenHeatmaps } from '../../core/protocol/heatmap-panel';
import { Button, Checkbox, Dropdown, Spinner } from '../shared/controls';
import { heatGradient } from '../shared/heat';
import { connectHost } from '../shared/host';
import { Empty, Problem } from '../shared/messages';
import { usePanelState } from '../shared/panel-state';
import { useTheme, type Theme } from '../shared/theme';
import { Details } from './details';
import { Gallery } from './gallery';
import type { Overlay } from './patches';
import '../shared/styles.css';
import './heatmap.css';

const host = connectHost<HeatmapContract>();
/** The user's choices. */
interface State {
  readonly model: string;
  /** Index of the frame; a number beyond the last frame always means the last one. */
  readonly frame: number;
  readonly image: number;
  readonly label: string;
  readonly prediction: ImageFilter['prediction'];
  readonly overlay: Overlay;
  readonly asTable: boolean;
}
const initial: State = {
  model: '',
  frame: Number.MAX_SAFE_INTEGER,
  image: 0,
  label: '',
  prediction: 'all',
  overlay: 'kept',
  asTable: false,
};

/** What the model does with the patches, and how well it classifies by now. */
function summarize({ start, end, grid, keptPatches, kind, heldOutImages }: TokenHeatmap, frame: HeatmapFrame): string {
  const [last, patches] = [end - 1, grid * grid];
  const blocks =
    start === last
      ? l10n.t`Block ${start} computes on ${keptPatches} of ${patches} patches`
      : l10n.t`Blocks ${start} to ${last} compute on ${keptPatches} of ${patches} patches`;
  const computed =
    kind === 'fuse'
      ? l10n.t`${blocks}; the others are fused into one token and never return.`
      : l10n.t`${blocks}; the others skip them.`;
  const epochs = formatEpochs(frame.epoch);
  return `${computed} ${l10n.t`After ${epochs}: ${formatShare(frame.accuracy)} of ${heldOutImages} held-out images classified correctly.`}`;
}

function App() {
  const [heatmaps, setHeatmaps] = useState<TokenHeatmaps>();
  const [heatmap, setHeatmap] = useState<TokenHeatmap>();
  const [error, setError] = useState<unknown>();
  const [chosen, choose] = usePanelState(initial);
  const theme = useTheme();

  useEffect(() => {
    host.request('load', undefined).then(setHeatmaps, setError);
    return host.on('changed', setHeatmaps);
  }, []);
  const wanted = [chosen.model, heatmaps?.asked].find((name) => name !== undefined && heatmaps?.models.includes(name));
  const model = wanted ?? heatmaps?.models.find((name) => name.startsWith('skip')) ?? heatmaps?.models[0];
  useEffect(() => {
    if (model === undefined) return;
    // Requested again after every change, since a run in training adds frames.
    host.request('heatmap', { model }).then(setHeatmap, setError);
  }, [model, heatmaps]);

  const last = (heatmap?.frames.length ?? 1) - 1;
  const at = Math.min(chosen.frame, last);
  const frame = heatmap?.frames[at];
  const decoded = useMemo(() => (heatmap && frame ? decodeFrame(heatmap, frame) : undefined), [heatmap, frame]);
  const label = heatmap && chosen.label !== '' ? heatmap.classes.indexOf(chosen.label) : -1;
  const shown = useMemo(
    () =>
      heatmap && frame
        ? filterImages(heatmap, frame, { label: label < 0 ? undefined : label, prediction: chosen.prediction })
        : [],
    [heatmap, frame, label, chosen.prediction],
  );

  if (error !== undefined) return <Problem error={error} />;
  if (!heatmaps) return <Spinner label={l10n.t('Reading the run…')} />;
  if (heatmaps.problem !== undefined) return <Empty>{heatmaps.problem}</Empty>;
  if (!heatmap || !frame || !decoded) return <Spinner label={l10n.t('Reading the token heatmap…')} />;

  const image = shown.includes(chosen.image) ? chosen.image : (shown[0] ?? -1);
  const step = (by: number) => {
    const next = shown[(shown.indexOf(image) + by + shown.length) % shown.length];
    if (next !== undefined) choose({ image: next });
  };
  return (
    <>
      <div class="toolbar">
        <Dropdown
          label={l10n.t('Model')}
          value={heatmap.model}
          choices={heatmaps.models.map((name) => ({ value: name, label: name }))}
          onChange={(next) => {
            choose({ model: next, frame: Number.MAX_SAFE_INTEGER });
          }}
        />
        <Dropdown
          label={l10n.t('Class')}
          value={chosen.label}
          choices={[
            { value: '', label: l10n.t({ message: 'All', comment: 'All classes' }) },
            ...heatmap.classes.map((name) => ({ value: name, label: name })),
          ]}
          onChange={(next) => {
            choose({ label: next });
          }}
        />
        <Dropdown<ImageFilter['prediction']>
          label={l10n.t('Images')}
          value={chosen.prediction}
          choices={[
            { value: 'all', label: l10n.t({ message: 'All', comment: 'All images' }) },
            { value: 'correct', label: l10n.t('Correct') },
            { value: 'wrong', label: l10n.t('Wrong') },
          ]}
          onChange={(prediction) => {
            choose({ prediction });
          }}
        />
        <Dropdown<Overlay>
          label={l10n.t({ message: 'Show', comment: 'Followed by what lies over the images' })}
          value={chosen.overlay}
          choices={[
            { value: 'kept', label: l10n.t('Kept patches') },
            { value: 'scores', label: l10n.t('Scores') },
          ]}
          onChange={(overlay) => {
            choose({ overlay });
          }}
        />
        <Checkbox
          label={l10n.t('As a table')}
          checked={chosen.asTable}
          onChange={(asTable) => {
            choose({ asTable });
          }}
        />
      </div>
      <p class="summary">{summarize(heatmap, frame)}</p>
      <div class="toolbar">
        <label class="slider">
          <span class="field-label">{l10n.t('Training')}</span>
          <input
            type="range"
            min={0}
            max={last}
            value={at}
            disabled={last === 0}
            aria-valuetext={formatEpochs(frame.epoch)}
            onInput={(event) => {
              const value = Number(event.currentTarget.value);
              choose({ frame: value === last ? Number.MAX_SAFE_INTEGER : value });
            }}
          />
          <span>{formatEpochs(frame.epoch)}</span>
        </label>
        <span class="spread" />
        <Button
          label={l10n.t('Previous image')}
          disabled={shown.length < 2}
          onClick={() => {
            step(-1);
          }}
        />
        <Button
          label={l10n.t('Next image')}
          disabled={shown.length < 2}
          onClick={() => {
            step(1);
          }}
        />
      </div>
      <div class="legend-line">
        {chosen.overlay === 'kept' ? (
          <>
            <span class="sample stays" /> {l10n.t('kept')} <span class="sample dropped" /> {l10n.t('skipped')}
          </>
        ) : (
          <Scale from={l10n.t('Attention of CLS: none')} to={l10n.t('most of this image')} theme={theme} />
        )}
        <Scale from={l10n.t('Skipped: never')} to={l10n.t('always')} theme={theme} />
      </div>
      {shown.length === 0 ? (
        <Empty>{l10n.t('No image of this class has this result at this point of the training.')}</Empty>
      ) : (
        <Details
          heatmap={heatmap}
          decoded={decoded}
          image={image}
          label={label < 0 ? undefined : label}
          overlay={chosen.overlay}
          asTable={chosen.asTable}
          theme={theme}
        />
      )}
      <h2>{l10n.t`${shown.length} of ${heatmap.images.length} images`}</h2>
      <Gallery
        heatmap={heatmap}
        decoded={decoded}
        shown={shown}
        selected={image}
        overlay={chosen.overlay}
        theme={theme}
        onSelect={(index) => {
          choose({ image: index });
        }}
      />
    </>
  );
}

function Scale({ from, to, theme }: { readonly from: string; readonly to: string; readonly theme: Theme }) {
  return (
    <span class="scale">
      {from}
      <span class="gradient" style={{ background: heatGradient(theme) }} />
      {to}
    </span>
  );
}

const root = document.getElementById('root');
if (root) render(<App />, root);
