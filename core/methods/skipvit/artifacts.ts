import type { ArtifactKind } from '../../experiments/artifact-kinds';
import { formerHeatmapFile, heatmapFile } from '../../protocol/token-heatmap';

export const TOKEN_HEATMAP: ArtifactKind = {
  kind: 'token-heatmap',
  files: heatmapFile('*'),
  formerly: formerHeatmapFile('*'),
  off: { key: 'heatmap.images', value: 0 },
};
