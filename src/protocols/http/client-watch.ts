import { departureOf, isGone } from '../../errors/client-departure.js';
import type { HttpExchange } from './http-exchange.js';

/** Whether somebody waits for the answer to a request. */
export interface ClientWatch {
  /** Aborts when the client has gone, or its request turns out to be no HTTP; its reason says which. */
  readonly gone: AbortSignal;
  /** The answer is known: nobody asks any more. */
  end(): void;
}

/** Watches a client, also once its whole request has come. */
export function watchClient({ request, response }: HttpExchange): ClientWatch {
  const gone = new AbortController();
  const leave = (): void => gone.abort(departureOf(request));
  if (isGone(request) || response.destroyed) leave();
  request.once('error', leave);
  response.once('close', leave);
  return {
    gone: gone.signal,
    end: () => {
      request.off('error', leave);
      response.off('close', leave);
    },
  };
}
