import type { ArtifactKind } from '../../experiments/artifact-kinds';
import { tokenMapFile } from '../../protocol/token-map';

export const TOKEN_MAP: ArtifactKind = {
  kind: 'drop-map',
  files: tokenMapFile('*'),
  off: { key: 'heatmap.images', value: 0 },
};
