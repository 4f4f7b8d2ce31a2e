import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a bad line treats each of its connections. */
export interface BadLine {
  /** Bytes that go up before the connection is cut. */
  readonly cutAfterBytes: number;
  /** Only every so many connections are cut. */
  readonly cutEvery?: number;
  /** Most connections that are cut. */
  readonly maxCuts?: number;
  /** Every so many connections, one stalls for a moment before it is cut. */
  readonly stallEvery?: number;
  readonly stallMs?: number;
}

/**
 * Passes connections on to a server, as a line that breaks off again and again. Either side may end its half: a client
 * that still sends when it is refused has to be able to send on.
 */
export class CuttingRelay {
  url = '';
  cuts = 0;
  readonly #sockets = new Set<Socket>();
  #connections = 0;

  private constructor(
    private readonly server: Server,
    private readonly port: number,
    private readonly line: BadLine,
  ) {
    server.on('connection', (client) => this.#pass(client));
  }

  static async to(port: number, line: BadLine): Promise<CuttingRelay> {
    const server = createServer({ allowHalfOpen: true });
    const relay = new CuttingRelay(server, port, line);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the relay has no port');
    relay.url = `http://127.0.0.1:${address.port}`;
    return relay;
  }

  async close(): Promise<void> {
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.server, 'close');
  }

  #pass(client: Socket): void {
    this.#connections += 1;
    const stalls = this.#connections % (this.line.stallEvery ?? Infinity) === 0;
    const upstream = connect({ port: this.port, host: '127.0.0.1', allowHalfOpen: true });
    const holds = this.#connections % (this.line.cutEvery ?? 1) !== 0;
    let passed = 0;
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => to.destroy()).on('close', () => this.#sockets.delete(from));
    }
    upstream.pipe(client);
    client.pipe(upstream);
    client.on('data', ({ length }: Buffer) => {
      passed += length;
      // Also a connection that is open already is of the line as it is now.
      const { cutAfterBytes, maxCuts = Infinity } = this.line;
      const isOver = passed >= cutAfterBytes && this.cuts < maxCuts;
      if (!holds && isOver && !client.destroyed) void this.#cut(client, upstream, stalls);
    });
  }

  /** A stalled line is half open for a moment: the server does not know that its client has gone. */
  async #cut(client: Socket, upstream: Socket, stalls: boolean): Promise<void> {
    this.cuts += 1;
    client.unpipe(upstream);
    client.destroy();
    if (stalls) await sleep(this.line.stallMs ?? 0);
    upstream.resetAndDestroy();
  }
}
