import type { Request, Response } from 'express';
import type { Caller } from '../../auth/caller.js';
import type { AppendPump, Bringer } from '../../resumption/resumable-upload.js';
import type { PaceLimits } from './client-pace.js';
import { watchClient } from './client-watch.js';
import { prefersAsync } from './preferences.js';
import { publicOrigin } from './public-origin.js';
import { pumpRequest } from './pump-request.js';

/** A request to an upload that comes in several, and its answer. */
export interface UploadExchange {
  readonly request: Request;
  readonly response: Response;
  readonly caller: Caller;
}

/** Serves the uploads that it created; each method gives the whole answer. */
export interface ResumableProtocol {
  /** Says in its own way on `response` what is so of every answer, refusals included. @throws what it does not serve at all */
  greet(exchange: UploadExchange): void;
  /** Creates an upload, with the bytes that came with the request. */
  create(exchange: UploadExchange): Promise<void>;
  /** Says how far an upload is. */
  look(exchange: UploadExchange, uploadId: string): Promise<void>;
  /** Takes more bytes. */
  append(exchange: UploadExchange, uploadId: string): Promise<void>;
  /** Gives an upload up. */
  remove(exchange: UploadExchange, uploadId: string): Promise<void>;
}

/** Moves the body of a request. */
export function pumpOf(exchange: UploadExchange, pace: PaceLimits): AppendPump {
  return (file, stop) => pumpRequest(exchange, file, { sink: { received: () => undefined }, stop, pace });
}

/** Does `work` for the one who sends a request, whose leaving it sees. */
export async function forBringer<T>(
  exchange: UploadExchange,
  work: (bringer: Bringer) => Promise<T>,
): Promise<T> {
  const client = watchClient(exchange);
  try {
    const { caller, request } = exchange;
    return await work({ caller, wantsAsync: prefersAsync(request), clientGone: client.gone });
  } finally {
    client.end();
  }
}

/**
 * Where a resource of ours is, as a URL that every client resolves in the same way: from `PUBLIC_URL`, else from what the client
 * asked, which a proxy that is trusted may have told us.
 */
export function absoluteUrl(request: Request, publicUrl: string, path: string): string {
  return `${publicUrl || publicOrigin(request)}${path}`;
}
