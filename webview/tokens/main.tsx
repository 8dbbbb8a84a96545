import { render } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { formatShare } from '../../core/protocol/format';
import { decodeFrame, filterImages, type ImageFilter } from '../../core/protocol/token-frames';
import type { TokenMap, TokenMaps, TokensContract } from '../../core/protocol/tokens';
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
import './tokens.css';

const host = connectHost<TokensContract>();
/** What a person chose. */
interface State {
  readonly model: string;
  /** Number of the picture; any after the last is the last, whichever that is. */
  readonly frame: number;
  readonly image: number;
  readonly label: string;
  readonly judged: ImageFilter['judged'];
  readonly overlay: Overlay;
  readonly asTable: boolean;
}
const initial: State = {
  model: '',
  frame: Number.MAX_SAFE_INTEGER,
  image: 0,
  label: '',
  judged: 'all',
  overlay: 'kept',
  asTable: false,
};

const blocksOf = ({ start, end }: TokenMap) =>
  end - start === 1 ? `Block ${start} computes` : `Blocks ${start} to ${end - 1} compute`;

function App() {
  const [maps, setMaps] = useState<TokenMaps>();
  const [map, setMap] = useState<TokenMap>();
  const [error, setError] = useState<unknown>();
  const [chosen, choose] = usePanelState(initial);
  const theme = useTheme();

  useEffect(() => {
    host.request('load', undefined).then(setMaps, setError);
    return host.on('changed', setMaps);
  }, []);
  const wanted = [chosen.model, maps?.asked].find((name) => name !== undefined && maps?.models.includes(name));
  const model = wanted ?? maps?.models.find((name) => name.startsWith('skip')) ?? maps?.models[0];
  useEffect(() => {
    if (model === undefined) return;
    // Again after every change: a run that trains adds pictures.
    host.request('map', { model }).then(setMap, setError);
  }, [model, maps]);

  const last = (map?.frames.length ?? 1) - 1;
  const at = Math.min(chosen.frame, last);
  const frame = map?.frames[at];
  const decoded = useMemo(() => (map && frame ? decodeFrame(map, frame) : undefined), [map, frame]);
  const label = map && chosen.label !== '' ? map.classes.indexOf(chosen.label) : -1;
  const shown = useMemo(
    () =>
      map && frame ? filterImages(map, frame, { label: label < 0 ? undefined : label, judged: chosen.judged }) : [],
    [map, frame, label, chosen.judged],
  );

  if (error !== undefined) return <Problem error={error} />;
  if (!maps) return <Spinner label="Reading the run…" />;
  if (maps.problem !== undefined) return <Empty>{maps.problem}</Empty>;
  if (!map || !frame || !decoded) return <Spinner label="Reading the map of tokens…" />;

  const image = shown.includes(chosen.image) ? chosen.image : (shown[0] ?? -1);
  const step = (by: number) => {
    const next = shown[(shown.indexOf(image) + by + shown.length) % shown.length];
    if (next !== undefined) choose({ image: next });
  };
  const patches = map.grid * map.grid;
  return (
    <>
      <div class="toolbar">
        <Dropdown
          label="Model"
          value={map.model}
          choices={maps.models.map((name) => ({ value: name, label: name }))}
          onChange={(next) => {
            choose({ model: next, frame: Number.MAX_SAFE_INTEGER });
          }}
        />
        <Dropdown
          label="Class"
          value={chosen.label}
          choices={[{ value: '', label: 'All' }, ...map.classes.map((name) => ({ value: name, label: name }))]}
          onChange={(next) => {
            choose({ label: next });
          }}
        />
        <Dropdown<ImageFilter['judged']>
          label="Images"
          value={chosen.judged}
          choices={[
            { value: 'all', label: 'All' },
            { value: 'right', label: 'Right' },
            { value: 'wrong', label: 'Wrong' },
          ]}
          onChange={(judged) => {
            choose({ judged });
          }}
        />
        <Dropdown<Overlay>
          label="Show"
          value={chosen.overlay}
          choices={[
            { value: 'kept', label: 'What stays' },
            { value: 'scores', label: 'Scores' },
          ]}
          onChange={(overlay) => {
            choose({ overlay });
          }}
        />
        <Checkbox
          label="As a table"
          checked={chosen.asTable}
          onChange={(asTable) => {
            choose({ asTable });
          }}
        />
      </div>
      <p class="summary">
        {`${blocksOf(map)} on ${map.keptPatches} of ${patches} patches` +
          (map.kind === 'fuse' ? '; the others become one token and never return. ' : '; the others skip them. ') +
          `After ${formatEpoch(frame.epoch)}: ${formatShare(frame.accuracy)} of ${map.heldOutImages} held-out images right.`}
      </p>
      <div class="toolbar">
        <label class="slider">
          <span class="field-label">Training</span>
          <input
            type="range"
            min={0}
            max={last}
            value={at}
            disabled={last === 0}
            aria-valuetext={formatEpoch(frame.epoch)}
            onInput={(event) => {
              const value = Number(event.currentTarget.value);
              choose({ frame: value === last ? Number.MAX_SAFE_INTEGER : value });
            }}
          />
          <span>{formatEpoch(frame.epoch)}</span>
        </label>
        <span class="spread" />
        <Button
          label="Previous image"
          disabled={shown.length < 2}
          onClick={() => {
            step(-1);
          }}
        />
        <Button
          label="Next image"
          disabled={shown.length < 2}
          onClick={() => {
            step(1);
          }}
        />
      </div>
      <div class="legend-line">
        {chosen.overlay === 'kept' ? (
          <>
            <span class="sample stays" /> stays <span class="sample leaves" /> leaves
          </>
        ) : (
          <Scale from="Attention of CLS: none" to="most of this image" theme={theme} />
        )}
        <Scale from="A place leaves: never" to="always" theme={theme} />
      </div>
      {shown.length === 0 ? (
        <Empty>No image is of this class and judged so at this point of the training.</Empty>
      ) : (
        <Details
          map={map}
          decoded={decoded}
          image={image}
          label={label < 0 ? undefined : label}
          overlay={chosen.overlay}
          asTable={chosen.asTable}
          theme={theme}
        />
      )}
      <h2>{`${shown.length} of ${map.images.length} images`}</h2>
      <Gallery
        map={map}
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

const formatEpoch = (epoch: number) => {
  const rounded = Number(epoch.toFixed(1));
  return `${rounded} ${rounded === 1 ? 'epoch' : 'epochs'}`;
};

const root = document.getElementById('root');
if (root) render(<App />, root);
