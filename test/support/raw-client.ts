import { connect, type Socket } from 'node:net';
import { once } from 'node:events';

export interface RawResponse {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** The body as JSON. */
  json(): Record<string, unknown>;
}

/** A client that sends exactly the bytes that it is told to, for requests that no HTTP library would send. */
export class RawClient {
  private received = Buffer.alloc(0);
  private readonly closed: Promise<unknown>;

  private constructor(readonly socket: Socket) {
    this.closed = once(socket, 'close');
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      socket.emit('received');
    });
  }

  static async connect(port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  /** Sends a head: the request line and the headers, `Host` added. */
  head(requestLine: string, headers: Record<string, string | number>): this {
    const lines = Object.entries({ Host: 'ingester', ...headers }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    return this.send(`${requestLine} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
  }

  send(bytes: string | Buffer): this {
    this.socket.write(bytes);
    return this;
  }

  /** Sends and waits until the kernel has taken it, so that the next bytes are a packet of their own. */
  async sendSlowly(bytes: Buffer, size: number): Promise<void> {
    for (let at = 0; at < bytes.length; at += size) {
      this.socket.write(bytes.subarray(at, at + size));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /**
   * The next response, 100 Continue included; one to HEAD has no body, whatever its length says.
   * @throws Error when the connection closes before it is whole.
   */
  async response(method = 'GET'): Promise<RawResponse> {
    for (;;) {
      const response = this.takeResponse(method !== 'HEAD');
      if (response) return response;
      if (this.socket.destroyed || this.socket.readableEnded)
        throw new Error('closed without a whole response');
      await Promise.race([once(this.socket, 'received'), once(this.socket, 'end'), this.closed]);
    }
  }

  /** Everything that came and was not taken as a response. */
  get rest(): string {
    return this.received.toString('latin1');
  }

  /** Resolves when the server has closed the connection. */
  async untilClosed(): Promise<void> {
    await this.closed;
  }

  /** Breaks the connection off with a reset. */
  reset(): void {
    this.socket.resetAndDestroy();
  }

  close(): void {
    this.socket.destroy();
  }

  private takeResponse(hasBody: boolean): RawResponse | undefined {
    const headEnd = this.received.indexOf('\r\n\r\n');
    if (headEnd < 0) return undefined;
    const [statusLine = '', ...lines] = this.received.subarray(0, headEnd).toString('latin1').split('\r\n');
    const headers = new Map(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
    );
    const bodyStart = headEnd + 4;
    const bodyEnd = bodyStart + (hasBody ? Number(headers.get('content-length') ?? 0) : 0);
    if (this.received.length < bodyEnd) return undefined;
    const body = this.received.subarray(bodyStart, bodyEnd).toString('utf8');
    this.received = this.received.subarray(bodyEnd);
    return {
      status: Number(statusLine.split(' ')[1]),
      headers,
      body,
      json: () => JSON.parse(body) as Record<string, unknown>,
    };
  }
}
