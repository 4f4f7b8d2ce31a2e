import type { IncomingMessage } from 'node:http';

/**
 * Has the client asked to be told whether to send its body (RFC 9110 section 10.1.1)? HTTP/1.0 has no such answer, and
 * other expectations may be ignored.
 */
export function expectsContinue({ headers, httpVersion }: IncomingMessage): boolean {
  if (httpVersion !== '1.1' || headers.expect === undefined) return false;
  return headers.expect.split(',').some((expectation) => expectation.trim().toLowerCase() === '100-continue');
}
