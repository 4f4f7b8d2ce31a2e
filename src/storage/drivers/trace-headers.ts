import type { Dispatcher } from 'undici';
import { outboundHeaders } from '../../observability/outbound-headers.js';

/** Sends the id and the trace of the request that is being served with every call that passes through. */
export const traceHeaders: Dispatcher.DispatcherComposeInterceptor = (dispatch) => (options, handler) =>
  dispatch({ ...options, headers: { ...headersOf(options), ...outboundHeaders() } }, handler);

/** undici takes headers in several forms; the drivers write them as an object. */
function headersOf({ headers }: Dispatcher.DispatchOptions): NodeJS.Dict<number | string | string[]> {
  if (!headers) return {};
  if (Symbol.iterator in headers) throw new TypeError('Headers are to be given as an object');
  return headers;
}
