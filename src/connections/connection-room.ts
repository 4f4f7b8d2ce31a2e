import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Logger } from '@nestjs/common';
import { refuseConnection } from '../errors/client-error.js';
import { noDescriptors } from '../errors/descriptor-shortage.js';
import { hasBody } from '../errors/lingering-close.js';
import { failRequest } from '../errors/protocol-failure.js';
import { responseUnderWay } from '../errors/response-under-way.js';
import { ServiceError } from '../errors/service-error.js';
import type { ConnectionEnds } from './connection-ends.js';
import type { DescriptorRoom } from './descriptor-room.js';

const WARN_EVERY_MS = 10_000;
const RETRY_AFTER_MS = 5_000;
/** Connections beyond the limit, of which those that ask for health are answered. */
const FOR_HEALTH = 32;
/** A connection without a request that is this old may be ended for a new one. */
const SILENCE_MS = 1_000;
const HEALTH = /^\/health(?:[/?]|$)/i;

/** Why a connection or request is refused, as the log says it. */
const REFUSALS = {
  few_descriptors: 'few file descriptors are left; raise the limit (ulimit -n)',
  connection_limit: 'as many connections are open as MAX_CONNECTIONS lets in',
} as const;

type Refusal = keyof typeof REFUSALS;

export interface ConnectionRoomOptions {
  /** Most connections; one beyond it is answered where it asks for health, and else refused. */
  readonly maxConnections: number;
  readonly ends: ConnectionEnds;
  readonly descriptors: DescriptorRoom;
}

/**
 * Refuses connections and uploads, with 503 instead of silence, while there are too many or too few file descriptors are
 * left for them.
 */
export class ConnectionRoom {
  private readonly logger = new Logger('Connections');
  /** When each was opened, oldest first. */
  private readonly connections = new Map<Socket, number>();
  /** Those that came beyond the limit. */
  private readonly beyond = new WeakSet<Socket>();
  /** Those that were refused and may still be reading their answer, oldest first. */
  private readonly refused = new Set<Socket>();
  private uploads = 0;
  private warnedAt = -Infinity;

  constructor(
    private readonly server: Server,
    private readonly options: ConnectionRoomOptions,
  ) {
    server.on('connection', (socket: Socket) => this.enter(socket));
  }

  /** How many are open. */
  get open(): number {
    return this.connections.size;
  }

  /** False for a request behind one that was refused. A request for which there is no room is marked as failed. */
  admit(request: IncomingMessage, response: ServerResponse): boolean {
    const { socket } = request;
    if (this.refused.has(socket)) return false;
    if (this.isTooMany(request)) this.refuseRequest(request, response, 'connection_limit');
    else if (hasBody(request)) {
      if (this.options.descriptors.fitsUpload(this.connections.size, this.uploads)) this.begin(response);
      else this.refuseRequest(request, response, 'few_descriptors');
    }
    return true;
  }

  /**
   * Ends connections that have not asked for anything. Browsers open some ahead of their requests; Node takes those for
   * busy, since it waits for their headers.
   */
  closeSilent(): void {
    for (const socket of this.connections.keys()) if (socket.bytesRead === 0) socket.destroy();
  }

  private begin(response: ServerResponse): void {
    this.uploads += 1;
    response.once('close', () => (this.uploads -= 1));
  }

  private enter(socket: Socket): void {
    this.connections.set(socket, performance.now());
    socket.once('close', () => {
      this.connections.delete(socket);
      this.refused.delete(socket);
    });
    if (!this.options.descriptors.fitsConnection(this.connections.size, this.uploads)) {
      this.makeRoom();
      this.refuse(socket, 'few_descriptors');
    } else if (this.connections.size > this.options.maxConnections) this.enterBeyond(socket);
  }

  /** What it asks for is known only with its first request. */
  private enterBeyond(socket: Socket): void {
    this.endOldestSilent();
    if (this.connections.size <= this.options.maxConnections + FOR_HEALTH) this.beyond.add(socket);
    else this.refuse(socket, 'connection_limit');
  }

  private isTooMany(request: IncomingMessage): boolean {
    if (!this.beyond.delete(request.socket)) return false;
    return this.connections.size > this.options.maxConnections && !HEALTH.test(request.url ?? '');
  }

  /**
   * Who has nothing asked gives way to who comes: a client that keeps a connection for later, or sends no request. One that
   * has had its last answer ends soon by itself; cut while it still sends, it would lose that answer.
   */
  private endOldestSilent(): void {
    const now = performance.now();
    for (const [socket, openedAt] of this.connections) {
      if (now - openedAt < SILENCE_MS) return;
      if (socket.writableEnded || socket.destroyed || responseUnderWay(socket)) continue;
      socket.destroy();
      return;
    }
  }

  /** Who keeps a connection for later gives way to who needs it now, and in the end who had his answer longest ago. */
  private makeRoom(): void {
    this.server.closeIdleConnections();
    if (!this.options.descriptors.isSpent) return;
    for (const socket of this.refused) if (socket.writableFinished) return void socket.destroy();
  }

  private refuseRequest(request: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
    this.noteRefused(request.socket, refusal);
    response.setHeader('Connection', 'close');
    failRequest(request, this.errorOf(refusal));
  }

  private refuse(socket: Socket, refusal: Refusal): void {
    this.noteRefused(socket, refusal);
    refuseConnection(this.server, socket, this.errorOf(refusal));
  }

  private noteRefused(socket: Socket, refusal: Refusal): void {
    this.options.ends.count(refusal);
    this.refused.add(socket);
    if (performance.now() - this.warnedAt < WARN_EVERY_MS) return;
    this.warnedAt = performance.now();
    this.logger.warn(
      {
        connections: this.open,
        max_connections: this.options.maxConnections,
        descriptors: this.options.descriptors.limit,
      },
      `connections or uploads are refused, since ${REFUSALS[refusal]}`,
    );
  }

  private errorOf(refusal: Refusal): ServiceError {
    if (refusal === 'few_descriptors') return noDescriptors();
    const detail = `No more than ${this.options.maxConnections} connections at once.`;
    return new ServiceError('BULKHEAD_FULL', detail, { retryAfterMs: RETRY_AFTER_MS });
  }
}
