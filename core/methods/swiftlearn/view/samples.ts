/** What the user sees of a sample. */
export interface SampleContent {
  /** File and line, or row; for a block of text, its document and the position of its first token. */
  readonly name: string;
  readonly text?: string;
  /** The second text of a pair. */
  readonly pair?: string | undefined;
}

/** The training samples of a run, reopened. */
export interface SampleSource {
  readonly size: number;
  /** Empty for regression and for samples without labels. */
  readonly classes: readonly string[];
  /** Undefined if samples have no labels. */
  readonly label?: (sample: number) => number;
  /** Identifies data without labels to compare. */
  readonly fingerprint?: string;
  content(sample: number): SampleContent;
  /** An image as a data URL; undefined for texts. @throws UserError `data.corrupt-image` */
  picture(sample: number): Promise<string | undefined>;
}
