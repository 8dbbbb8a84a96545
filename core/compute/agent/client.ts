import { createReadStream } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { PULSE, type AgentCalls, type Answer, type Pulse, type RunNews } from './calls';
import { readFrames, writeFrame, type Frame } from './frames';
import type { LocalTree } from './manifest';

const zip = promisify(gzip);

/** Bytes per message: small enough that a slow line shows signs of life in between. */
const PIECE = 1 << 18;
/** Messages under way while a file is sent, so that a line with a long delay is used fully. */
const IN_FLIGHT = 8;

/** What the program that receives an agent answers besides. */
interface ReceiverCalls {
  platform(request: object): Promise<{ os: string; arch: string; libc?: string }>;
  become(request: { program: string }): Promise<{ node: string; pid: number }>;
}

type Calls = AgentCalls & ReceiverCalls;

/** How far sending has come, bytes. */
export type OnSent = (done: number, total: number) => void;

/** Asks an agent, or the program that receives one, over two pipes. */
export class AgentConnection {
  readonly #pending = new Map<
    number,
    { readonly resolve: (frame: Frame) => void; readonly reject: (error: unknown) => void }
  >();
  /** What has been asked and answered so far, in calls and bytes. */
  readonly traffic = { calls: 0, sent: 0, received: 0 };
  #last = 0;
  #heard = Date.now();
  #watch: NodeJS.Timeout | undefined;
  #failure: UserError | undefined;

  /**
   * @param patience how long the other side may be silent while it owes an answer, milliseconds
   * @param onBusy called when somebody begins to wait for answers, and when nobody does any more
   * @param onSilence what to do then; its error is what all that wait get
   */
  constructor(
    input: Readable,
    readonly output: Writable,
    readonly patience: number,
    readonly onBusy: (busy: boolean) => void,
    readonly onSilence: (noise?: Error) => UserError,
  ) {
    readFrames(
      input,
      (frame) => {
        this.#heard = Date.now();
        const { id } = frame.json as Answer | Pulse;
        if (id === PULSE) return;
        const waiting = this.#pending.get(id);
        this.#pending.delete(id);
        this.#idle();
        waiting?.resolve(frame);
      },
      (noise) => {
        this.fail(this.onSilence(noise));
      },
    );
    input.on('data', (piece: Buffer) => {
      this.#heard = Date.now();
      this.traffic.received += piece.length;
    });
  }

  /** The connection has ended: all that wait get this error, and so does everyone who asks later. */
  fail(error: UserError): void {
    this.#failure ??= error;
    for (const { reject } of this.#pending.values()) reject(this.#failure);
    this.#pending.clear();
    this.#idle();
  }

  /** @throws UserError the agent's own, or `target.*` */
  async call<Name extends keyof Calls>(
    call: Name,
    request: Parameters<Calls[Name]>[0],
    body?: Uint8Array,
  ): Promise<Awaited<ReturnType<Calls[Name]>>> {
    return resultOf(await this.#ask(call, request, body)) as Awaited<ReturnType<Calls[Name]>>;
  }

  /** Bytes of a file of a run; undefined if there is no such file. */
  async read(request: { dir: string; file: string; offset: number; limit: number }): Promise<Uint8Array | undefined> {
    const frame = await this.#ask('read', request);
    return resultOf(frame) === null ? undefined : frame.body;
  }

  /** What is new about many runs, with the bytes of their files. */
  async news(request: Parameters<AgentCalls['news']>[0]): Promise<{ runs: RunNews[]; body: Uint8Array }> {
    const frame = await this.#ask('news', request);
    return { runs: resultOf(frame) as RunNews[], body: frame.body };
  }

  /**
   * Makes sure that a tree is there, and sends what is missing.
   * @param as its kind; with `own`, a new tree of this name whose files may be changed
   * @returns its path
   */
  async send(
    { files, name }: LocalTree,
    as: { readonly kind: string; readonly own?: string },
    onSent: OnSent = () => undefined,
  ): Promise<string> {
    const { kind, own } = as;
    const there = own === undefined ? await this.call('findTree', { kind, name }) : null;
    if (there !== null) return there;
    const bySha = new Map(files.map((file) => [file.sha256, file]));
    const missing = await this.call('missing', {
      blobs: [...bySha.values()].map(({ sha256, size }) => ({ sha256, size })),
    });
    const total = missing.reduce((sum, { sha256, have }) => sum + bySha.get(sha256)!.size - have, 0);
    let done = 0;
    onSent(done, total);
    const underway = new Set<Promise<unknown>>();
    let failure: Error | undefined;
    for (const { sha256, have } of missing) {
      const { from, size } = bySha.get(sha256)!;
      let offset = have;
      for await (const piece of piecesOf(from, have)) {
        const last = offset + piece.length === size;
        const zipped = await zip(piece, { level: 1 });
        const smaller = zipped.length < piece.length;
        const sent = this.call('append', { sha256, offset, last, zipped: smaller }, smaller ? zipped : piece)
          .then(() => {
            onSent((done += piece.length), total);
          })
          .catch((error: unknown) => {
            failure ??= error instanceof Error ? error : new Error(String(error));
          })
          .finally(() => underway.delete(sent));
        underway.add(sent);
        offset += piece.length;
        if (underway.size >= IN_FLIGHT) await Promise.race(underway);
        if (failure) break;
      }
      if (failure) break;
      if (offset !== size)
        throw new UserError(
          'store.changed',
          l10n.t`${String(from)} changed while it was sent.`,
          l10n.t('Try again when nothing writes to it.'),
        );
    }
    await Promise.all(underway);
    if (failure) throw failure;
    return this.call('makeTree', {
      kind,
      name: own ?? name,
      own: own !== undefined,
      files: files.map(({ path, sha256, size, executable }) => ({
        path,
        sha256,
        size,
        ...(executable && { executable }),
      })),
    });
  }

  #ask(call: string, request: unknown, body?: Uint8Array): Promise<Frame> {
    if (this.#failure) return Promise.reject(this.#failure);
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      if (this.#pending.size === 0) {
        this.#heard = Date.now();
        this.onBusy(true);
      }
      this.#pending.set(id, { resolve, reject });
      this.#watch ??= setInterval(
        () => {
          if (Date.now() - this.#heard > this.patience) this.fail(this.onSilence());
        },
        Math.min(1_000, this.patience / 4),
      );
      this.traffic.calls++;
      this.traffic.sent += JSON.stringify(request).length + (body?.length ?? 0);
      writeFrame(this.output, { id, call, request }, body);
    });
  }

  #idle(): void {
    if (this.#pending.size > 0) return;
    clearInterval(this.#watch);
    this.#watch = undefined;
    this.onBusy(false);
  }
}

/** The pieces of a file from an offset. An empty file is one empty piece, so that it is made at all. */
async function* piecesOf(from: string | Uint8Array, start: number): AsyncGenerator<Uint8Array> {
  if (typeof from !== 'string') {
    yield from.subarray(start);
    return;
  }
  let empty = true;
  for await (const piece of createReadStream(from, { start, highWaterMark: PIECE }) as AsyncIterable<Buffer>) {
    empty = false;
    yield piece;
  }
  if (empty) yield new Uint8Array();
}

function resultOf({ json }: Frame): unknown {
  const answer = json as Answer;
  if (!('error' in answer)) return answer.result;
  const { code, message, hint } = answer.error;
  throw code === 'internal' ? new Error(`${message}\n${hint}`) : new UserError(code, message, hint);
}
