import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Environment } from './config/environment.js';
import { ConnectionRoom } from './connection-room.js';
import { answerClientErrors } from './errors/client-error.js';
import { serveHalfClosedClients } from './errors/half-closed-clients.js';
import { closeUnlessRead } from './errors/lingering-close.js';
import { protocolFailureOf } from './errors/protocol-failure.js';
import { checkHead } from './errors/request-head.js';

/** As long as a refused client is read on (docs/adr/0011-linger-after-any-answer.md), and a little more. */
const CLOSE_PATIENCE_MS = 6_000;
/** Long enough for a request that is on its way. */
const FIRST_BYTE_PATIENCE_MS = 1_000;

/** Express on an HTTP server whose limits fit uploads: long ones are not cut, slow headers are. */
export class HttpServerAdapter extends ExpressAdapter {
  private room!: ConnectionRoom;

  constructor(private readonly environment: Environment) {
    super();
  }

  override initHttpServer(): void {
    const server = createServer(this.serverOptions(), this.listener());
    // Node would say "100 Continue" by itself, before anybody has looked at the token.
    server.on('checkContinue', (request, response) => server.emit('request', request, response));
    // Other expectations may be ignored (RFC 9110 section 10.1.1); Node's own 417 would have no body.
    server.on('checkExpectation', (request, response) => server.emit('request', request, response));
    answerClientErrors(server);
    serveHalfClosedClients(server);
    this.room = new ConnectionRoom(server);
    this.httpServer = server;
  }

  /**
   * Closes the port. Whoever is still being answered has a moment for it; a connection without a request would otherwise
   * hold the process up for as long as its client likes.
   */
  override async close(): Promise<void> {
    const impatience = [
      setTimeout(() => this.room.closeSilent(), FIRST_BYTE_PATIENCE_MS),
      setTimeout(() => this.httpServer.closeAllConnections(), CLOSE_PATIENCE_MS),
    ];
    try {
      await super.close();
    } finally {
      impatience.forEach(clearTimeout);
    }
  }

  private listener(): RequestListener {
    const express: RequestListener = this.getInstance();
    return (request, response) => {
      if (this.comesTooLate(request, response)) {
        request.resume();
        return;
      }
      if (!protocolFailureOf(request)) checkHead(request);
      closeUnlessRead(request, response);
      express(request, response);
    };
  }

  /** Is the answer that ended its connection given already? Then it is not carried out, and what comes is thrown away. */
  private comesTooLate(request: IncomingMessage, response: ServerResponse): boolean {
    if (request.socket.writableEnded) return true;
    return !protocolFailureOf(request) && !this.room.admit(request, response);
  }

  private serverOptions(): ServerOptions {
    const { environment } = this;
    return {
      maxHeaderSize: environment.MAX_HEADER_BYTES,
      headersTimeout: environment.HEADERS_TIMEOUT_MS,
      connectionsCheckingInterval: Math.min(30_000, environment.HEADERS_TIMEOUT_MS),
      keepAliveTimeout: environment.KEEP_ALIVE_TIMEOUT_MS,
      // 300 s by default, whatever the client does; ours are the idle limit and the minimum rate.
      requestTimeout: 0,
      // Node's own 400 would have no body.
      requireHostHeader: false,
    };
  }
}
