import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A proxy that can let a request through and lose the answer, as a network does that breaks at the wrong moment. */
export interface AnswerLoser {
  readonly port: number;
  /** From now on a connection breaks as soon as the server answers what holds `text`. */
  loseAnswerTo(text: string): void;
  /** Keeps connections open, and lets nothing through any more. */
  fallSilent(): void;
  close(): Promise<void>;
}

/** Starts such a proxy in front of a port of this machine. */
export async function startAnswerLoser(targetPort: number): Promise<AnswerLoser> {
  let doomed: string | undefined;
  let silent = false;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(targetPort, '127.0.0.1');
    let lost = false;
    const end = (): void => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', end).on('close', end);
    }
    client.on('data', (chunk) => {
      lost ||= doomed !== undefined && chunk.includes(doomed);
      if (!silent) upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      if (lost) end();
      else if (!silent) client.write(chunk);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    port: address.port,
    loseAnswerTo: (text) => {
      doomed = text;
    },
    fallSilent: () => {
      silent = true;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
