import type { DataInput } from '../experiments/starting';

/** What users can choose as plain text. */
export const textInput = (key: string): DataInput => ({
  key,
  embedded: { value: 'embedded:sotu', label: 'State of the Union addresses, which come with Winnow' },
  browse: [
    { label: 'A folder of texts…', folder: true },
    { label: 'A text, JSONL or Parquet file…', folder: false },
  ],
});

/** What users can choose as labeled texts. */
export const labeledTextInput = (key: string): DataInput => ({
  key,
  embedded: { value: 'embedded:spam', label: 'E-mails, spam or not, which come with Winnow' },
  browse: [
    { label: 'A folder of labeled texts, such as a GLUE task…', folder: true },
    { label: 'A CSV, TSV, JSONL or Parquet file…', folder: false },
  ],
});

/** What users can choose as labeled images. */
export const imageInput = (key: string): DataInput => ({
  key,
  embedded: { value: 'embedded:digits', label: 'Handwritten digits (MNIST), which come with Winnow' },
  browse: [
    { label: 'A folder of images, with a folder for each class…', folder: true },
    { label: 'A Parquet or IDX file of images…', folder: false },
  ],
});

/** The wizard's choice to train a vision transformer from scratch. */
export const FROM_SCRATCH = 'None: train from scratch';
