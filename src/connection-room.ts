import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Logger } from '@nestjs/common';
import { DescriptorRoom, processDescriptors } from './descriptor-room.js';
import { refuseConnection } from './errors/client-error.js';
import { noDescriptors } from './errors/descriptor-shortage.js';
import { hasBody } from './errors/lingering-close.js';
import { failRequest } from './errors/protocol-failure.js';

const WARN_EVERY_MS = 10_000;

/** Refuses connections and uploads while there are too few file descriptors left for them, with 503 instead of silence. */
export class ConnectionRoom {
  private readonly logger = new Logger('Connections');
  private readonly connections = new Set<Socket>();
  /** Those that were refused and may still be reading their answer, oldest first. */
  private readonly refused = new Set<Socket>();
  private uploads = 0;
  private warnedAt = -Infinity;

  constructor(
    private readonly server: Server,
    private readonly room = new DescriptorRoom(processDescriptors()),
  ) {
    server.on('connection', (socket: Socket) => this.enter(socket));
  }

  /** False for a request behind one that was refused. An upload for which there is no room is marked as failed. */
  admit(request: IncomingMessage, response: ServerResponse): boolean {
    if (this.refused.has(request.socket)) return false;
    if (!hasBody(request)) return true;
    if (this.room.fitsUpload(this.connections.size, this.uploads)) this.begin(response);
    else {
      this.refuse(request.socket);
      response.setHeader('Connection', 'close');
      failRequest(request, noDescriptors());
    }
    return true;
  }

  /**
   * Ends connections that have not asked for anything. Browsers open some ahead of their requests; Node takes those for
   * busy, since it waits for their headers.
   */
  closeSilent(): void {
    for (const socket of this.connections) if (socket.bytesRead === 0) socket.destroy();
  }

  private begin(response: ServerResponse): void {
    this.uploads += 1;
    response.once('close', () => (this.uploads -= 1));
  }

  private enter(socket: Socket): void {
    this.connections.add(socket);
    socket.once('close', () => {
      this.connections.delete(socket);
      this.refused.delete(socket);
    });
    if (this.room.fitsConnection(this.connections.size, this.uploads)) return;
    this.makeRoom();
    this.refuse(socket);
    refuseConnection(this.server, socket, noDescriptors());
  }

  /** Who keeps a connection for later gives way to who needs it now, and in the end who had his answer longest ago. */
  private makeRoom(): void {
    this.server.closeIdleConnections();
    if (!this.room.isSpent) return;
    for (const socket of this.refused) if (socket.writableFinished) return void socket.destroy();
  }

  private refuse(socket: Socket): void {
    this.refused.add(socket);
    if (performance.now() - this.warnedAt < WARN_EVERY_MS) return;
    this.warnedAt = performance.now();
    this.logger.warn(
      { limit: this.room.limit },
      'connections or uploads are refused, since few file descriptors are left; raise the limit (ulimit -n)',
    );
  }
}
