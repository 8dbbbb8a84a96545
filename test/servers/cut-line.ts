import { readFile, writeFile } from 'node:fs/promises';
import net from 'node:net';
import type { Cluster } from './cluster';

/** The network between this machine and a cluster, which can be cut after a number of bytes. */
export class CutLine {
  /** Bytes that still come from the other side before the line is cut. */
  left = Infinity;
  /** Whether it stays cut: no new connection comes about. */
  stays = false;
  readonly #open = new Set<net.Socket>();

  private constructor(
    readonly server: net.Server,
    /** An SSH configuration that goes through it. */
    readonly configFile: string,
  ) {}

  /** @param folder for its SSH configuration */
  static async open(cluster: Cluster, folder: string): Promise<CutLine> {
    const text = await readFile(cluster.configFile, 'utf8');
    const port = Number(/Port (\d+)/.exec(text)![1]);
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const own = (server.address() as net.AddressInfo).port;
    const configFile = `${folder}/cut_config`;
    // The port is part of what the host's key is known for.
    await writeFile(
      configFile,
      text.replace(/Port \d+/g, `Port ${own}`).replace(/StrictHostKeyChecking \w+/g, 'StrictHostKeyChecking no'),
    );
    const line = new CutLine(server, configFile);
    server.on('connection', (near) => {
      line.#join(near, net.connect(port, '127.0.0.1'));
    });
    return line;
  }

  #join(near: net.Socket, far: net.Socket): void {
    for (const socket of [near, far]) {
      this.#open.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#open.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    if (this.stays && this.left <= 0) near.destroy();
    near.on('data', (bytes) => far.write(bytes));
    far.on('data', (bytes) => {
      this.left -= bytes.length;
      if (this.left > 0) {
        near.write(bytes);
        return;
      }
      if (!this.stays) this.left = Infinity;
      for (const socket of this.#open) socket.destroy();
    });
  }

  close(): void {
    for (const socket of this.#open) socket.destroy();
    this.server.close();
  }
}
