import type { FileSource } from '../config';
import { CsvRows } from './csv';
import { JsonLines } from './json-lines';
import type { RowDecoder } from './row-decoder';
import { TensorBoardEvents } from './tensorboard';
import type { Troubles } from './troubles';

export function decoderOf(source: FileSource, troubles: Troubles): RowDecoder {
  switch (source.from) {
    case 'jsonl':
      return new JsonLines(troubles);
    case 'csv':
      return new CsvRows(source.delimiter, troubles);
    case 'tensorboard':
      return new TensorBoardEvents(troubles);
  }
}
