/** What a person recognizes a sample by. */
export interface SampleContent {
  /** File and line, or row; of a block of text its document, and which token of it the block begins with. */
  readonly name: string;
  readonly text?: string;
  /** The second text. */
  readonly pair?: string | undefined;
}

/** The samples that a run was trained on, opened again. */
export interface SampleSource {
  readonly size: number;
  /** None for numbers, and where samples have no labels. */
  readonly classes: readonly string[];
  /** Undefined where samples have no labels. */
  readonly label?: (sample: number) => number;
  /** Tells the same data from another where labels cannot. */
  readonly fingerprint?: string;
  content(sample: number): SampleContent;
  /** As a data URL; undefined for texts. @throws UserError `data.corrupt-image` */
  picture(sample: number): Promise<string | undefined>;
}
