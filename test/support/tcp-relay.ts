import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

/** Passes connections on to a server that is not ours to stop, so that it can be cut off. */
export class TcpRelay {
  /** Bytes that clients have sent. */
  bytesPassed = 0;
  url = '';
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    target: URL,
  ) {
    server.on('connection', (client) => {
      const upstream = connect(Number(target.port || 80), target.hostname);
      client.on('data', ({ length }: Buffer) => (this.bytesPassed += length));
      for (const [from, to] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        this.#sockets.add(from);
        from.on('error', () => to.destroy()).on('close', () => this.#sockets.delete(from));
        from.pipe(to);
      }
    });
  }

  static async to(url: string): Promise<TcpRelay> {
    const server = createServer();
    const relay = new TcpRelay(server, new URL(url));
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the relay has no port');
    relay.url = `http://127.0.0.1:${address.port}`;
    return relay;
  }

  /** Cuts all connections, and takes no more. */
  async close(): Promise<void> {
    if (!this.server.listening) return;
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.server, 'close');
  }
}
