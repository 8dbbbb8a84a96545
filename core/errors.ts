/**
 * An error that a person can act on: what is wrong, and what to do about it. Everything that reaches the command line
 * or a notification is one of these; any other error is a defect of Winnow and is shown with its stack.
 */
export class UserError extends Error {
  override readonly name: string = 'UserError';
  /** Changes of the spec that would help, where there are some. */
  readonly fixes: readonly Fix[];

  /**
   * @param code stable, machine-readable reason (`spec.unknown-key`, `disk.full`, …); callers match on it, never on text
   * @param message one sentence that says what is wrong, naming the file, key or value
   * @param hint one sentence that says what to do; empty when the message says it already
   */
  constructor(
    readonly code: string,
    message: string,
    readonly hint = '',
    options?: ErrorOptions & { readonly fixes?: readonly Fix[] },
  ) {
    super(message, options);
    this.fixes = options?.fixes ?? [];
  }
}

/** One value of a spec that would help if it were another. */
export interface Fix {
  /** What it does, for a person: `Set data.blockLength to 512`. */
  readonly title: string;
  /** The key, dotted. */
  readonly key: string;
  readonly value: unknown;
}

/** The text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node system error (`ENOENT`, `ENOSPC`, …), if it is one. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
