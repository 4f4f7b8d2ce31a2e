import type { IncomingMessage, ServerResponse } from 'node:http';

/** A request that is being served, and its answer. */
export interface HttpExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}
