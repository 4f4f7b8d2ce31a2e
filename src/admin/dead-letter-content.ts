import { pipeline } from 'node:stream/promises';
import { create as contentDisposition } from 'content-disposition';
import type { Response } from 'express';
import type { DeadLetter } from '../delivery/dead-letter.js';
import type { DeadLetterContent } from '../delivery/dead-letters.service.js';

/** What HTTP takes in a header. */
const HEADER_VALUE = /^[\t\x20-\x7e]+$/;

/**
 * Sends a file of a stranger to an operator: to be saved, never to be shown by a browser. Resolves when it is out, or
 * when the client has left; the file is closed either way.
 */
export async function sendContent(
  { letter, size, stream }: DeadLetterContent,
  response: Response,
): Promise<void> {
  response.writeHead(200, { ...headersOf(letter.description), 'Content-Length': size });
  if (response.req.method === 'HEAD') {
    stream.destroy();
    response.end();
    return;
  }
  await pipeline(stream, response);
}

function headersOf({ originalFilename, contentType }: DeadLetter['description']): Record<string, string> {
  return {
    'Content-Type': HEADER_VALUE.test(contentType) ? contentType : 'application/octet-stream',
    'Content-Disposition': contentDisposition(originalFilename.toWellFormed()),
    'Content-Security-Policy': `default-src 'none'; sandbox`,
    'X-Content-Type-Options': 'nosniff',
    'Cache-Control': 'no-store',
  };
}
