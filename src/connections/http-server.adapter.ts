import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Registry } from '@prometheus-io/client';
import type { Environment } from '../config/environment.js';
import { ConnectionEnds } from './connection-ends.js';
import { connectionMetrics } from './connection-metrics.js';
import { ConnectionRoom } from './connection-room.js';
import { DescriptorRoom, processDescriptors } from './descriptor-room.js';
import { oneRequestAtATime } from './one-request-at-a-time.js';
import { closeUnread } from './unread-answer.js';
import { answerClientErrors } from '../errors/client-error.js';
import { serveHalfClosedClients } from '../errors/half-closed-clients.js';
import { closeUnlessRead } from '../errors/lingering-close.js';
import { protocolFailureOf } from '../errors/protocol-failure.js';
import { checkHead } from '../errors/request-head.js';

/** As long as a refused client is read on (docs/adr/0011-linger-after-any-answer.md), and a little more. */
const CLOSE_PATIENCE_MS = 6_000;
/** Long enough for a request that is on its way. */
const FIRST_BYTE_PATIENCE_MS = 1_000;
/** How late a client that never ends its head may be answered. */
const HEADS_CHECKED_EVERY_MS = 5_000;

/** Express on an HTTP server whose limits fit uploads: long ones are not cut, slow headers are. */
export class HttpServerAdapter extends ExpressAdapter {
  private readonly rooms = new Map<Server, ConnectionRoom>();
  private readonly ends = new ConnectionEnds();

  constructor(private readonly environment: Environment) {
    super();
  }

  override initHttpServer(): void {
    this.httpServer = this.addServer();
  }

  /** Makes a server for the same application, with the same limits; it closes with the first one. */
  addServer(): Server {
    const server = createServer(this.serverOptions());
    // Node would say "100 Continue" by itself, before anybody has looked at the token.
    server.on('checkContinue', (request, response) => server.emit('request', request, response));
    // Other expectations may be ignored (RFC 9110 section 10.1.1); Node's own 417 would have no body.
    server.on('checkExpectation', (request, response) => server.emit('request', request, response));
    this.ends.countClientErrors(server);
    answerClientErrors(server);
    serveHalfClosedClients(server);
    const room = this.connectionRoom(server);
    this.rooms.set(server, room);
    return server.on('request', this.listener(room));
  }

  /** Adds what is known of the connections to `registry`. */
  measure(registry: Registry): void {
    const open = (): number => [...this.rooms.values()].reduce((sum, room) => sum + room.open, 0);
    connectionMetrics(registry, open, this.ends);
  }

  /**
   * Closes the ports. Whoever is still being answered has a moment for it; a connection without a request would otherwise
   * hold the process up for as long as its client likes.
   */
  override async close(): Promise<void> {
    const impatience = [
      setTimeout(() => this.rooms.forEach((room) => room.closeSilent()), FIRST_BYTE_PATIENCE_MS),
      setTimeout(() => this.rooms.forEach((_, server) => server.closeAllConnections()), CLOSE_PATIENCE_MS),
    ];
    const others = [...this.rooms.keys()].filter((server) => server !== this.httpServer);
    try {
      await Promise.all([super.close(), ...others.map(closed)]);
    } finally {
      impatience.forEach(clearTimeout);
    }
  }

  private listener(room: ConnectionRoom): RequestListener {
    const express: RequestListener = this.getInstance();
    const patienceMs = this.environment.CLIENT_IDLE_TIMEOUT_MS;
    const serve: RequestListener = (request, response) => {
      if (comesTooLate(request, response, room)) {
        request.resume();
        return;
      }
      if (!protocolFailureOf(request)) checkHead(request);
      closeUnlessRead(request, response);
      closeUnread(response, patienceMs, () => this.ends.count('answer_not_read'));
      express(request, response);
    };
    return oneRequestAtATime(serve, () => this.ends.count('requests_ahead'));
  }

  private connectionRoom(server: Server): ConnectionRoom {
    const descriptors = new DescriptorRoom(processDescriptors());
    const maxConnections = this.environment.MAX_CONNECTIONS || descriptors.mostConnections;
    return new ConnectionRoom(server, { maxConnections, descriptors, ends: this.ends });
  }

  private serverOptions(): ServerOptions {
    const { environment } = this;
    return {
      maxHeaderSize: environment.MAX_HEADER_BYTES,
      headersTimeout: environment.HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: Math.min(HEADS_CHECKED_EVERY_MS, environment.HEADERS_TIMEOUT_MS),
      keepAliveTimeout: environment.KEEP_ALIVE_TIMEOUT_MS,
      // 300 s by default, whatever the client does; ours are the idle limit and the minimum rate.
      requestTimeout: 0,
      // Node's own 400 would have no body.
      requireHostHeader: false,
    };
  }
}

/** Is the answer that ended its connection given already? Then it is not carried out, and what comes is thrown away. */
function comesTooLate(request: IncomingMessage, response: ServerResponse, room: ConnectionRoom): boolean {
  if (request.socket.writableEnded) return true;
  return !protocolFailureOf(request) && !room.admit(request, response);
}

/** Closes a server, also one that does not listen. */
function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
