import { createHash } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { ZipFile } from 'yazl';

/** A wheel: a zip file with these texts in it. */
export async function wheelOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, text] of Object.entries(files)) zip.addBuffer(Buffer.from(text), name, { mtime: new Date(0) });
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** A simple index (PEP 503 and 691) on this machine, whose connections can break. */
export class IndexServer {
  /** Paths of the requests for files, with the ranges that were asked for. */
  readonly asked: string[] = [];
  /** After so many bytes of a file, the connection is closed; once for each entry. */
  readonly drops: number[] = [];
  /** Resolves when so many bytes of a file are on the disk of the client: only then is a connection closed. */
  arrived: (name: string, bytes: number) => Promise<unknown> = () => Promise.resolve();
  /** `user:password` that is needed. */
  login = '';
  /** Whether pages are at another address, to which the index redirects, with links that are relative to it. */
  moved = false;
  /** Whether files are on another server, by its name. */
  elsewhere = false;
  /** Whether the index answers as JSON, if it is asked to. */
  json = true;
  /** Whether it knows ranges. */
  ranges = true;

  private constructor(
    readonly server: http.Server,
    readonly files: Map<string, Buffer>,
  ) {}

  static async open(files: Map<string, Buffer>): Promise<IndexServer> {
    const server = http.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const index = new IndexServer(server, files);
    server.on('request', (request, response) => {
      index.#answer(request, response);
    });
    return index;
  }

  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  #answer({ url = '/', headers }: http.IncomingMessage, response: http.ServerResponse): void {
    if (this.login !== '' && headers.authorization !== `Basic ${Buffer.from(this.login).toString('base64')}`) {
      response.writeHead(401).end();
      return;
    }
    if (this.moved && url.startsWith('/simple/')) {
      response.writeHead(302, { location: `/deep/er${url}` }).end();
      return;
    }
    const project = /^(?:\/deep\/er)?\/simple\/([^/]+)\/$/.exec(url)?.[1];
    if (project !== undefined) this.#page(project, headers.accept ?? '', response);
    else this.#file(decodeURIComponent(url.replace(/^\/files\//, '')), headers.range, response);
  }

  #page(project: string, accept: string, response: http.ServerResponse): void {
    const names = [...this.files.keys()].filter((name) => name.split('-')[0]!.replaceAll('_', '-') === project);
    if (this.moved) {
      response.writeHead(200, { 'content-type': 'text/html' });
      const links = names.map((name) => `<a href=../../../../files/${name}>${name}</a>`);
      response.end(['<a href="http://[bad">', '<a href="/x/100%zz.whl">', ...links].join('\n'));
    } else if (names.length === 0) response.writeHead(404).end();
    else if (this.json && accept.includes('vnd.pypi.simple.v1+json')) {
      response.writeHead(200, { 'content-type': 'application/vnd.pypi.simple.v1+json' });
      response.end(
        JSON.stringify({
          files: names.map((filename) => ({
            filename,
            url: `${this.elsewhere ? `http://localhost:${this.host.split(':')[1]}` : ''}/files/${filename}`,
          })),
        }),
      );
    } else {
      response.writeHead(200, { 'content-type': 'text/html' });
      response.end(names.map((name) => `<a data-x="1" href="../../files/${name}#sha256=00">${name}</a>`).join('\n'));
    }
  }

  #file(name: string, range: string | undefined, response: http.ServerResponse): void {
    this.asked.push(range === undefined ? name : `${name} ${range}`);
    const bytes = this.files.get(name);
    if (!bytes) {
      response.writeHead(404).end();
      return;
    }
    const from = this.ranges && range !== undefined ? Number(/(\d+)-/.exec(range)?.[1]) : 0;
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': bytes.length - from });
    const drop = this.drops.shift();
    if (drop === undefined) response.end(bytes.subarray(from));
    else {
      response.write(bytes.subarray(from, from + drop));
      void this.arrived(name, from + drop).then(() => response.destroy());
    }
  }

  close(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => {
      this.server.close(() => {
        resolve();
      });
    });
  }
}
