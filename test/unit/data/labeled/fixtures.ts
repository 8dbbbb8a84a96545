import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before } from 'node:test';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { LabeledTextConfig } from '../../../../core/data/labeled/config';
import { openLabeledTexts } from '../../../../core/data/labeled/source';
import type { LabeledTexts } from '../../../../core/data/labeled/texts';

/** A folder for the files of a test, and what the log was told while they were read. */
export function workspace() {
  let root = '';
  const told: string[] = [];
  before(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'winnow-labeled-'));
  });
  after(() => rm(root, { recursive: true }));
  return {
    told,
    put: async (name: string, content: string | Uint8Array) => {
      await mkdir(path.dirname(path.join(root, name)), { recursive: true });
      await writeFile(path.join(root, name), content);
    },
    open: async (source: string, spec: Partial<LabeledTextConfig> = {}) => {
      told.length = 0;
      const config = LabeledTextConfig.parse({ source, ...spec });
      return openLabeledTexts(config, root, { log: (text) => told.push(text) });
    },
  };
}

export const tsv = (...rows: readonly (readonly (string | number)[])[]) =>
  rows.map((row) => `${row.join('\t')}\n`).join('');

/** A Parquet file with columns of strings or numbers; names of classes are written as the `datasets` library does. */
export function parquet(
  columns: Readonly<Record<string, readonly (string | number)[]>>,
  classNames?: readonly string[],
): Uint8Array {
  const info = { features: { label: { names: classNames, _type: 'ClassLabel' } } };
  return new Uint8Array(
    parquetWriteBuffer({
      columnData: Object.entries(columns).map(([name, values]) => {
        if (typeof values[0] === 'string') return { name, data: [...values], type: 'STRING' };
        const areWhole = values.every((value) => Number.isInteger(value));
        return areWhole
          ? { name, data: values.map(BigInt), type: 'INT64' }
          : { name, data: [...values], type: 'DOUBLE' };
      }),
      ...(classNames ? { kvMetadata: [{ key: 'huggingface', value: JSON.stringify({ info }) }] } : {}),
      rowGroupSize: 2,
    }),
  );
}

/** Everything of a set: text, second text where there is one, label. */
export const samples = (set: LabeledTexts) =>
  Array.from({ length: set.size }, (_, i) =>
    set.hasPairs ? [set.text(i), set.pair(i), set.label(i)] : [set.text(i), set.label(i)],
  );
