/**
 * How a panel (browser) and the extension host talk: the panel asks and gets exactly one reply or one error for each
 * request, with progress in between where a request has some, and may abort it; the host tells of events on its own.
 * Everything on the wire can be structured-cloned; large arrays travel as typed arrays.
 */

/** What one kind of panel can ask and be told. Every panel has one such type in `core/protocol`. */
export interface PanelContract {
  readonly requests: Record<string, RequestContract>;
  readonly events: Record<string, unknown>;
}

export interface RequestContract {
  readonly params: unknown;
  readonly result: unknown;
  /** Sent any number of times before the reply. */
  readonly progress?: unknown;
}

/** An error in the words of a `UserError`, as it crosses to the panel. */
export interface ErrorMessage {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

export type ToHost =
  | { readonly kind: 'request'; readonly id: number; readonly name: string; readonly params: unknown }
  | { readonly kind: 'abort'; readonly id: number };

export type ToPanel =
  | { readonly kind: 'reply'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'error'; readonly id: number; readonly error: ErrorMessage }
  | { readonly kind: 'progress'; readonly id: number; readonly progress: unknown }
  | { readonly kind: 'event'; readonly name: string; readonly data: unknown };

/** The event by which the host says what the panel shows from now on, to be restored by after a reload. */
export const INPUT_EVENT = '$input';

/** The code of the error that an aborted request ends with. */
export const ABORTED = 'request.aborted';

type Requests<C extends PanelContract> = C['requests'];
export type RequestName<C extends PanelContract> = keyof Requests<C> & string;
export type ParamsOf<C extends PanelContract, N extends RequestName<C>> = Requests<C>[N]['params'];
export type ResultOf<C extends PanelContract, N extends RequestName<C>> = Requests<C>[N]['result'];
export type ProgressOf<C extends PanelContract, N extends RequestName<C>> = Requests<C>[N]['progress'];
export type EventName<C extends PanelContract> = keyof C['events'] & string;

/** What a request's handler is given besides its parameters. */
export interface Asked<Progress> {
  /** Aborted when the panel no longer wants the reply, or is closed. */
  readonly signal: AbortSignal;
  readonly progress: (value: Progress) => void;
}

/** The host's side of a contract: one function per request. */
export type Handlers<C extends PanelContract> = {
  readonly [N in RequestName<C>]: (
    params: ParamsOf<C, N>,
    asked: Asked<ProgressOf<C, N>>,
  ) => ResultOf<C, N> | Promise<ResultOf<C, N>>;
};

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** Tells a panel's message from anything else that may arrive on its channel. */
export function isToHost(message: unknown): message is ToHost {
  if (!isObject(message) || typeof message.id !== 'number') return false;
  return message.kind === 'abort' || (message.kind === 'request' && typeof message.name === 'string');
}

/** Tells a host's message from anything else that may arrive on its channel. */
export function isToPanel(message: unknown): message is ToPanel {
  if (!isObject(message)) return false;
  if (message.kind === 'event') return typeof message.name === 'string';
  return (
    typeof message.id === 'number' &&
    (message.kind === 'reply' || message.kind === 'error' || message.kind === 'progress')
  );
}
