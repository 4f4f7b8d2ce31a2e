import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { RawClient } from '../support/raw-client.js';

/** What an attacker hides in a body, so that somebody takes it for a request of its own. */
const HIDDEN = 'GET /health/live HTTP/1.1\r\nHost: ingester\r\nX-Request-ID: hidden\r\n\r\n';
const POST = 'POST /api/v1/files/upload HTTP/1.1\r\nHost: ingester\r\n';
const GET = 'GET /health/live HTTP/1.1\r\nHost: ingester\r\n';
const chunked = (body: string, header = 'Transfer-Encoding: chunked'): string =>
  `${POST}${header}\r\n\r\n${body}`;
const sized = (...lengths: string[]): string =>
  `${POST}${lengths.map((length) => `Content-Length: ${length}\r\n`).join('')}\r\n${HIDDEN}`;

/** RFC 9112 sections 2.2, 3, 5, 6, 7: what one reader takes for one message and another for two must be refused. */
const REFUSED: readonly [what: string, bytes: string][] = [
  [
    'both Content-Length and Transfer-Encoding',
    `${POST}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${HIDDEN}`,
  ],
  [
    'both, the other way round',
    `${POST}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${HIDDEN}`,
  ],
  ['two lengths that differ', sized('0', '5')],
  ['two lengths that are equal', sized('5', '5')],
  ['a list of lengths', sized('5, 5')],
  ['a length with a plus sign', sized('+5')],
  ['a negative length', sized('-1')],
  ['a hexadecimal length', sized('0x5')],
  ['a length with a fraction', sized('5.0')],
  ['an empty length', sized('')],
  ['a length that no number holds', sized('99999999999999999999999')],
  [
    'a coding that is not known behind chunked',
    chunked(`0\r\n\r\n${HIDDEN}`, 'Transfer-Encoding: chunked, identity'),
  ],
  ['chunked behind a vertical tab', chunked(`0\r\n\r\n${HIDDEN}`, 'Transfer-Encoding: \u000bchunked')],
  [
    'chunked twice in two headers',
    chunked(`0\r\n\r\n${HIDDEN}`, 'Transfer-Encoding: chunked\r\nTransfer-Encoding: identity'),
  ],
  ['a space before the colon', chunked(`0\r\n\r\n${HIDDEN}`, 'Transfer-Encoding : chunked')],
  ['a folded header', chunked(`0\r\n\r\n${HIDDEN}`, 'Transfer-Encoding:\r\n chunked')],
  ['a header line without a colon', `${GET}Nonsense\r\n\r\n`],
  ['a header name with a space', `${GET}X Header: 1\r\n\r\n`],
  ['a header without a name', `${GET}: value\r\n\r\n`],
  ['a NUL in a header', `${GET}X-Header: a\0b\r\n\r\n`],
  ['a lone CR in a header', `${GET}X-Header: a\rb\r\n\r\n`],
  ['a lone LF behind a header', `${GET}X-Header: a\nX-Request-ID: hidden\r\n\r\n`],
  ['a lone LF behind the request line', `GET /health/live HTTP/1.1\nHost: ingester\r\n\r\n`],
  ['white space before the first header', `GET /health/live HTTP/1.1\r\n Host: ingester\r\n\r\n`],
  ['no version', 'GET /health/live\r\n\r\n'],
  ['a version that does not exist', 'GET /health/live HTTP/1.2\r\nHost: ingester\r\n\r\n'],
  ['HTTP/2 without TLS', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a method that does not exist', 'NONSENSE /health/live HTTP/1.1\r\nHost: ingester\r\n\r\n'],
  ['a method in lower case', 'get /health/live HTTP/1.1\r\nHost: ingester\r\n\r\n'],
  ['two targets', 'GET /health/live /other HTTP/1.1\r\nHost: ingester\r\n\r\n'],
  ['no host', 'GET /health/live HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ['two hosts', `${GET}Host: other\r\nConnection: close\r\n\r\n`],
  ['a target that is no URL', 'GET health HTTP/1.1\r\nHost: ingester\r\n\r\n'],
  ['CONNECT', 'CONNECT ingester:443 HTTP/1.1\r\nHost: ingester\r\n\r\n'],
];

/** Chunks that are broken: there is a request, and its body cannot be read to its end. */
const BROKEN_CHUNKS: readonly [what: string, body: string][] = [
  ['a size that is no number', `zz\r\n${HIDDEN}`],
  ['a negative size', `-5\r\nhello\r\n0\r\n\r\n${HIDDEN}`],
  ['a size with 0x', `0x5\r\nhello\r\n0\r\n\r\n${HIDDEN}`],
  ['a size that no number holds', `fffffffffffffffff\r\nhello\r\n0\r\n\r\n${HIDDEN}`],
  ['a chunk longer than its size', `3\r\nhello\r\n0\r\n\r\n${HIDDEN}`],
  ['a lone LF behind the size', `5\nhello\r\n0\r\n\r\n${HIDDEN}`],
  ['a lone LF behind the chunk', `5\r\nhello\n0\r\n\r\n${HIDDEN}`],
  ['a CR within an extension', `5;a=\rb\r\nhello\r\n0\r\n\r\n${HIDDEN}`],
];

describe('a request that can be read in two ways', () => {
  let running: RunningApp;
  let authorized: string;
  const clients: RawClient[] = [];

  beforeAll(async () => {
    running = await startApp({ CLIENT_IDLE_TIMEOUT_MS: '2000' });
    authorized = `Authorization: Bearer ${await running.token()}\r\nContent-Type: application/octet-stream\r\n`;
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await running.close();
  });

  const put = (): string => `PUT /api/v1/files/${randomUUID()} HTTP/1.1\r\nHost: ingester\r\n${authorized}`;

  /** Sends it, and gives the statuses and ids of all answers until the connection is closed. */
  async function answersTo(bytes: string): Promise<{ statuses: number[]; text: string }> {
    const client = await RawClient.connect(running.port);
    clients.push(client);
    client.send(Buffer.from(bytes, 'latin1'));
    await client.untilClosed();
    const text = client.rest;
    return {
      text,
      statuses: [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status)),
    };
  }

  it.each(REFUSED)('is refused with one 400 and the connection closed: %s', async (_, bytes) => {
    const { statuses, text } = await answersTo(bytes);
    expect(statuses).toEqual([400]);
    expect(text).toMatch(/^connection: close\r$/im);
    expect(text).not.toContain('hidden');
  });

  it.each(BROKEN_CHUNKS)('has nothing hidden in its chunks carried out: %s', async (_, body) => {
    const { statuses, text } = await answersTo(`${put()}Transfer-Encoding: chunked\r\n\r\n${body}`);
    expect(statuses).toEqual([400]);
    expect(text).not.toContain('hidden');
  });

  it('has what stands behind an answer that closes the connection thrown away', async () => {
    const { statuses, text } = await answersTo(`${POST}Content-Length: 1000\r\n\r\n${HIDDEN}`);
    expect(statuses).toEqual([401]);
    expect(text).not.toContain('hidden');
  });

  it('has long chunk extensions refused', async () => {
    const extension = `5;${'a'.repeat(60_000)}\r\nhello\r\n0\r\n\r\n`;
    const { statuses } = await answersTo(`${put()}Transfer-Encoding: chunked\r\n\r\n${extension}${HIDDEN}`);
    expect(statuses).toEqual([413].includes(statuses[0] ?? 0) ? [413] : [400]);
  });

  it.each([
    ['xchunked', 'Transfer-Encoding: xchunked'],
    ['gzip', 'Transfer-Encoding: gzip'],
    ['identity', 'Transfer-Encoding: identity'],
  ])('has a body of the coding %s refused', async (_, header) => {
    const { statuses, text } = await answersTo(`${put()}${header}\r\n\r\n0\r\n\r\n${HIDDEN}`);
    expect(statuses).toEqual([415]);
    expect(text).not.toContain('hidden');
  });

  it.each([
    ['chunked in other letters', 'Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'],
    ['a chunk with an extension', 'Transfer-Encoding: chunked\r\n\r\n5;name=value\r\nhello\r\n0\r\n\r\n'],
    ['a trailer', 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n'],
    ['sizes with leading zeros', 'Transfer-Encoding: chunked\r\n\r\n005\r\nhello\r\n000\r\n\r\n'],
    ['no space behind the colon', 'Content-Length:5\r\n\r\nhello'],
    ['a length with leading zeros', 'Content-Length: 005\r\n\r\nhello'],
    ['white space behind a length', 'Content-Length: 5 \t\r\n\r\nhello'],
    ['an empty line behind it', 'Content-Length: 5\r\n\r\nhello\r\n'],
  ])('is read in the one way there is: %s', async (_, bytes) => {
    const { statuses } = await answersTo(`${put()}${bytes}${GET}Connection: close\r\n\r\n`);
    expect(statuses).toEqual([201, 200]);
  });
});
