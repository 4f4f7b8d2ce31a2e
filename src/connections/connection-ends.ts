import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Why the service refused a connection or ended it by itself. */
const REASONS = [
  'connection_limit',
  'few_descriptors',
  'requests_ahead',
  'answer_not_read',
  'no_request',
  'no_http',
] as const;

export type ConnectionEndReason = (typeof REASONS)[number];

/** Counts the connections that the service refused, or ended by itself, since its start. */
export class ConnectionEnds {
  private readonly counts = new Map<ConnectionEndReason, number>(REASONS.map((reason) => [reason, 0]));

  get all(): Iterable<readonly [ConnectionEndReason, number]> {
    return this.counts;
  }

  count(reason: ConnectionEndReason): void {
    this.counts.set(reason, (this.counts.get(reason) ?? 0) + 1);
  }

  /** Counts what Node's parser refuses, and heads that do not come in time; not those who went away. */
  countClientErrors(server: Server): void {
    server.on('clientError', ({ code }: NodeJS.ErrnoException, socket: Socket) => {
      // The parser goes on complaining behind the answer.
      if (code === 'ECONNRESET' || socket.writableEnded) return;
      this.count(code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'no_request' : 'no_http');
    });
  }
}
