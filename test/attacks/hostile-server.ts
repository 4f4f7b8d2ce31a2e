import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

/** What a server does with a connection once it has been asked something, which is `asked`. */
export type Behaviour = (socket: Socket, asked: string) => void;

/** A server that speaks no HTTP of its own, counts what it is asked, and what is taken of what it says. */
export class HostileServer {
  readonly asked: string[] = [];
  readonly url: string;
  private readonly sockets = new Set<Socket>();
  private takenBytes = 0;
  behaviour: Behaviour = (socket) => socket.destroy();

  private constructor(private readonly server: Server) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('connection', (socket) => this.serve(socket));
  }

  static async start(): Promise<HostileServer> {
    const server = createServer({ noDelay: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new HostileServer(server);
  }

  /** Bytes that clients have let it send since the last call. */
  takeCount(): number {
    const open = [...this.sockets].reduce((sum, { bytesWritten }) => sum + bytesWritten, 0);
    const taken = this.takenBytes + open;
    this.takenBytes = -open;
    return taken;
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
    await once(this.server, 'close');
  }

  private serve(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.sockets.delete(socket);
      this.takenBytes += socket.bytesWritten;
    });
    socket.once('data', (bytes) => {
      this.asked.push(bytes.toString('latin1'));
      this.behaviour(socket, bytes.toString('latin1'));
    });
  }
}

/** Says `head`, and then `piece` again and again, as fast as it is taken. */
export function withoutEnd(head: string, piece: string): Behaviour {
  return (socket) => {
    const block = Buffer.from(piece.repeat(Math.ceil(65_536 / piece.length)));
    const fill = (): void => {
      while (socket.writable && socket.write(block));
    };
    socket.on('drain', fill).write(head);
    fill();
  };
}

/** Says `text` a byte at a time. */
export function dripping(text: string, everyMs = 50): Behaviour {
  return (socket) => {
    let at = 0;
    const timer = setInterval(() => socket.write(text.charAt(at++) || ' '), everyMs);
    socket.once('close', () => clearInterval(timer));
  };
}

/** Says all of it at once, as a whole answer where it is one. */
export function saying(text: string | Buffer): Behaviour {
  return (socket) => socket.end(text);
}

/** A whole answer of a status with a body. */
export function answering(status: number, body: string | Buffer, ...headers: string[]): Behaviour {
  const bytes = Buffer.from(body);
  const head = [
    `HTTP/1.1 ${status} X`,
    `Content-Length: ${bytes.length}`,
    'Connection: close',
    ...headers,
    '',
    '',
  ];
  return saying(Buffer.concat([Buffer.from(head.join('\r\n')), bytes]));
}
