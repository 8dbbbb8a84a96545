import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import * as l10n from '@vscode/l10n';
import { UserError } from '../../errors';
import { AgentConnection, type OnSent } from '../agent/client';
import { treeOf } from '../agent/manifest';
import type { Remote } from '../remotes';
import type { Bundle } from './bundle';
import { silent, UNREACHABLE } from './explain';
import type { NodeSource } from './node-source';
import { sshOptions } from './options';
import { checkPlatform, platformOf } from './platform';
import { Retries } from './retries';
import { receiveNodeScript, startScript } from './script';
import { SshSession } from './session';
import { drop, share, sharedSocket, sharesAlready } from './sharing';

/** What is being sent. */
export interface Sending {
  readonly what: string;
  readonly done: number;
  readonly total: number;
}

export interface SshOptions {
  /** The ssh program. */
  readonly ssh: string;
  readonly bundle: Bundle;
  readonly nodes: NodeSource;
  /** Somebody sits at a terminal: ssh may ask for a password or a second factor. */
  readonly interactive: boolean;
  /** The user has just asked for a connection: what failed before does not count. By default, whether somebody sits at a terminal. */
  readonly asked?: boolean;
  readonly onSending?: (sending: Sending) => void;
}

/** Whether ssh may ask, and the connection that it shares: see `sshOptions`. */
type Login = Parameters<typeof sshOptions>[1];

interface Open {
  readonly session: SshSession;
  readonly agent: AgentConnection;
  readonly node: string;
}

/**
 * The connection of this process to one remote: made when it is first used, made again after it broke. A network that is down
 * is not asked more and more often, and a server that refuses the login is not asked again at all, by no process of this user (`Retries`).
 */
export class SshClient {
  #open: Promise<Open> | undefined;
  readonly #retries: Retries;
  /** The user has just asked for a connection. */
  #asked: boolean;

  constructor(
    readonly remote: Remote,
    readonly options: SshOptions,
  ) {
    this.#retries = new Retries(remote);
    // Somebody at a terminal has typed this command; a window, or a script, goes on by itself.
    this.#asked = options.asked ?? options.interactive;
  }

  /** The agent of the remote. @throws UserError `target.*` */
  async agent(): Promise<AgentConnection> {
    return (await this.#connected()).agent;
  }

  /** The version of Node that the remote uses. @throws UserError `target.*` */
  async node(): Promise<string> {
    return (await this.#connected()).node;
  }

  /** Allows the next attempt at once, whatever has failed before: the user has asked for it. */
  retry(): void {
    this.#asked = true;
  }

  async close(): Promise<void> {
    const open = await this.#open?.catch(() => undefined);
    this.#open = undefined;
    open?.session.end();
  }

  #connected(): Promise<Open> {
    if (this.#open) return this.#open;
    const asked = this.#asked;
    this.#asked = false;
    const open = this.#retries.connect(() => this.#connect(), { asked });
    this.#open = open;
    open.then(
      ({ session }) => {
        void session.ended().then(() => {
          if (this.#open === open) this.#open = undefined;
        });
      },
      () => {
        this.#open = undefined;
      },
    );
    return open;
  }

  async #connect(): Promise<Open> {
    const { ssh, interactive } = this.options;
    if (this.remote.here) return this.#start({ sharing: false });
    if (await sharesAlready(ssh, this.remote))
      try {
        return await this.#start({ sharing: undefined });
      } catch (error) {
        // It may hang as well as ours; it is not ours to end.
        if (!isUnreachable(error)) throw error;
      }
    const socket = sharedSocket(this.remote);
    if (socket === undefined)
      return this.#start({ interactive, sharing: process.platform === 'win32' ? false : undefined });
    await share(ssh, this.remote, socket, interactive);
    try {
      return await this.#start({ sharing: socket });
    } catch (error) {
      // The process that holds the shared connection may hang, or its network be gone; and a server may allow one session only.
      if (!isUnreachable(error)) throw error;
      await drop(ssh, this.remote, socket);
      return this.#start({ interactive, sharing: false });
    }
  }

  async #start(how: Login): Promise<Open> {
    const receiver = await this.options.bundle.receiver();
    const length = Buffer.byteLength(receiver);
    const session = this.#session(how);
    try {
      const answer = await session.run((mark) => startScript(this.remote, mark, length));
      const [word, ...rest] = answer.split(' ');
      const text = rest.join(' ');
      if (word === 'no-node') {
        session.end();
        await this.#bringNode(text, how);
        return await this.#start(how);
      }
      if (word !== 'node') throw refusal(this.remote, word ?? '', text, session.stderr);
      session.child.stdin.write(receiver);
      const agent = new AgentConnection(
        session.child.stdout,
        session.child.stdin,
        this.remote.patience * 1000,
        (busy) => {
          session.hold(busy);
        },
        (noise) => {
          session.end();
          return noise ? noisy(this.remote, noise) : silent(this.remote, this.remote.patience, l10n.t('no answer'));
        },
      );
      void session.ended().then((error) => {
        agent.fail(error);
      });
      const platform = await agent.call('platform', {});
      checkPlatform(this.remote.name, platform);
      const files = await this.options.bundle.files(platform, (what, done, total) =>
        this.options.onSending?.({ what, done, total }),
      );
      const tree = await treeOf(files);
      const folder = await agent.send(
        tree,
        { kind: 'versions' },
        this.tell(l10n.t`Sending Winnow to ${this.remote.name}`),
      );
      const { node } = await agent.call('become', { program: `${folder}/${this.options.bundle.agent}` });
      return { session, agent, node };
    } catch (error) {
      session.end();
      throw error;
    }
  }

  #session(how: Login): SshSession {
    if (this.remote.here)
      return new SshSession(this.remote, { program: '/bin/sh', args: (command) => ['-c', command] });
    return new SshSession(this.remote, {
      program: this.options.ssh,
      args: (command) => [...sshOptions(this.remote, how), '--', this.remote.host, command],
    });
  }

  /** Reports what is being sent. */
  tell(what: string): OnSent {
    return (done, total) => this.options.onSending?.({ what, done, total });
  }

  /** Sends a Node to a remote that has none. @param kind its `uname`, and the version of its C library */
  async #bringNode(kind: string, how: Login): Promise<void> {
    const platform = platformOf(this.remote.name, kind);
    const { name, file } = await this.options.nodes.find(platform, (what, done, total) =>
      this.options.onSending?.({ what, done, total }),
    );
    const { size } = await stat(file);
    const session = this.#session(how);
    try {
      const answer = await session.run((mark) => receiveNodeScript(this.remote, mark, name, size));
      const [word, ...rest] = answer.split(' ');
      if (word !== 'have') throw refusal(this.remote, word ?? '', rest.join(' '), session.stderr);
      const have = Number(rest[0]);
      const tell = this.tell(l10n.t`Sending Node to ${this.remote.name}`);
      let done = 0;
      for await (const piece of createReadStream(file, {
        start: have,
        highWaterMark: 1 << 18,
      }) as AsyncIterable<Buffer>) {
        if (!session.child.stdin.write(piece))
          await Promise.race([
            new Promise((resolve) => session.child.stdin.once('drain', resolve)),
            session.ended().then((error) => Promise.reject(error)),
          ]);
        tell((done += piece.length), size - have);
      }
      session.child.stdin.end();
      const [end, ...text] = (await session.answer(4 * this.remote.patience)).split(' ');
      // What had arrived before was damaged; now that it is as long as the whole, it is thrown away.
      if (end === 'incomplete' && have > 0) {
        await this.#bringNode(kind, how);
        return;
      }
      if (end !== 'done') throw refusal(this.remote, end ?? '', text.join(' '), session.stderr);
    } finally {
      session.end();
    }
  }
}

const isUnreachable = (error: unknown) => error instanceof UserError && error.code === UNREACHABLE;

function refusal({ name, folder }: Remote, word: string, text: string, stderr: string): UserError {
  const said = stderr.trim().split('\n').at(-1) ?? '';
  switch (word) {
    case 'setup': {
      const [code = '', ...line] = text.split(' ');
      return new UserError(
        'target.setup',
        l10n.t`On ${name}, the set-up line "${line.join(' ')}" failed (exit code ${code})${said === '' ? '.' : `: ${said}`}`,
        l10n.t`Correct it: "winnow remote add ${name} --setup …" replaces the lines.`,
      );
    }
    case 'folder':
      return new UserError(
        'target.folder',
        l10n.t`Winnow's folder on ${name} cannot be written: ${text || folder}${said === '' ? '.' : ` (${said})`}`,
        l10n.t`Give another one: "winnow remote add ${name} --folder <path>". On a cluster, every node has to see it.`,
      );
    case 'broken':
      return new UserError(
        'target.platform',
        l10n.t`The Node.js that was sent to ${name} does not run there: ${text}`,
        l10n.t('Install Node.js 20.19 or newer there, or use a newer system.'),
      );
    default:
      return new UserError(
        'target.failed',
        l10n.t`Winnow could not be started on ${name}: ${[word, text, said].filter((part) => part !== '').join(' ')}`,
        l10n.t('Check the disk and the quota there; "winnow remote check" says more.'),
      );
  }
}

const noisy = ({ name }: Remote, noise: Error) =>
  new UserError(
    'target.noise',
    l10n.t`Something on ${name} writes into Winnow's connection: ${noise.message}.`,
    l10n.t('A start-up file of the shell has left a program in the background that prints. Let it print to a file.'),
  );
