import { randomUUID } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { filePart, MULTIPART_TYPE, multipart } from '../support/multipart.js';
import type { RawClient } from '../support/raw-client.js';
import { storedPaths } from '../support/stored-files.js';
import {
  expectProblem,
  MAX_FILE_BYTES,
  type StrictApp,
  startStrictApp,
  UPLOAD,
} from '../support/strict-app.js';

const descriptorCount = async (): Promise<number> => (await readdir('/proc/self/fd')).length;

describe('a bad request', () => {
  let app: StrictApp;

  beforeAll(async () => {
    app = await startStrictApp();
  });

  // oxlint-disable-next-line jest/no-standalone-expect -- what holds after every case of bad input
  afterEach(() => app.expectUnharmed());

  afterAll(() => app.running.close());

  describe('size', () => {
    it('above the limit is refused before a byte is read', async () => {
      const client = await app.open({ 'Content-Length': 10 ** 12 });
      const response = await client.response();
      expectProblem(response, 413, 'FILE_TOO_LARGE');
      expect(response.headers.get('connection')).toBe('close');
    });

    it.each(['multipart', 'raw'])(
      'above the limit is refused by counted bytes in a chunked %s upload',
      async (kind) => {
        const bytes = Buffer.alloc(MAX_FILE_BYTES + 1, 'a');
        const body = kind === 'raw' ? bytes : multipart([filePart(bytes)]);
        const client = await app.connect();
        client.head(kind === 'raw' ? `PUT /api/v1/files/${randomUUID()}` : UPLOAD, {
          Authorization: app.authorization,
          'Content-Type': kind === 'raw' ? 'text/plain' : MULTIPART_TYPE,
          'Transfer-Encoding': 'chunked',
        });
        client
          .send(`${body.length.toString(16)}\r\n`)
          .send(body)
          .send('\r\n0\r\n\r\n');
        expectProblem(await client.response(), 413, 'FILE_TOO_LARGE');
      },
    );

    it('below the Content-Length ends with 408, once the client sends nothing more', async () => {
      const body = multipart([filePart()]);
      expectProblem(await app.send(body, { 'Content-Length': body.length + 100 }), 408, 'CLIENT_STALLED');
    });

    it('above the Content-Length is a broken form, and what is left over ends the connection', async () => {
      const body = multipart([filePart()]);
      const client = await app.open({ 'Content-Length': body.length - 20 });
      expectProblem(await client.send(body).response(), 400, 'MALFORMED_MULTIPART');
      await client.untilClosed();
    });

    it('that is no number is not HTTP', async () => {
      const response = await app.send(multipart([filePart()]), { 'Content-Length': '12x' });
      expect([response.status, response.json().code]).toEqual([400, 'MALFORMED_REQUEST']);
    });

    it('that is given twice in different ways is not HTTP', async () => {
      const response = await app.send(multipart([filePart()]), { 'Transfer-Encoding': 'chunked' });
      expect([response.status, response.json().code]).toEqual([400, 'MALFORMED_REQUEST']);
    });
  });

  it.each(['raw', 'multipart'])(
    'in a coding of its own on the way is not stored as a %s file',
    async (kind) => {
      const client = await app.connect();
      client.head(kind === 'raw' ? `PUT /api/v1/files/${randomUUID()}` : UPLOAD, {
        Authorization: app.authorization,
        'Content-Type': kind === 'raw' ? 'text/plain' : MULTIPART_TYPE,
        'Transfer-Encoding': 'gzip, chunked',
      });
      client.send('5\r\nhello\r\n0\r\n\r\n');
      expectProblem(await client.response(), 415, 'UNSUPPORTED_MEDIA_TYPE');
    },
  );

  describe('a slow client', () => {
    const open = (): Promise<RawClient> => app.open({ 'Content-Length': 500_000 });

    it('that sends nothing is answered 408', async () => {
      expectProblem(await (await open()).response(), 408, 'CLIENT_STALLED');
    });

    it('that stops in the middle of the file is answered 408', async () => {
      const client = await open();
      client.send(multipart([filePart('x'.repeat(1000))]).subarray(0, 500));
      expectProblem(await client.response(), 408, 'CLIENT_STALLED');
    });

    it('that drips is answered 408', async () => {
      const client = await open();
      client.send(multipart([filePart('x'.repeat(1000))]).subarray(0, 200));
      const dripping = setInterval(() => client.send('x'), 50);
      const response = await client.response().finally(() => clearInterval(dripping));
      expectProblem(response, 408, 'CLIENT_STALLED');
    });
  });

  describe('Expect: 100-continue', () => {
    it('is told to go on, once it is known that the body will be read', async () => {
      const body = multipart([filePart('', '')]);
      const client = await app.open({ Expect: '100-continue', 'Content-Length': body.length });
      expect((await client.response()).status).toBe(100);
      expectProblem(await client.send(body).response(), 400, 'EMPTY_FILE');
    });

    it.each(['100-Continue', 'other, 100-continue'])('is understood as %j', async (expectation) => {
      const client = await app.open({ Expect: expectation, 'Content-Length': 10 });
      expect((await client.response()).status).toBe(100);
    });

    it.each([
      ['1.0', '100-continue'],
      ['1.1', 'other'],
    ])('is not answered by HTTP/%s with %j', async (version, expectation) => {
      const body = multipart([filePart('', '')]);
      const client = await app.connect();
      client.send(
        [
          `${UPLOAD} HTTP/${version}`,
          'Host: ingester',
          `Authorization: ${app.authorization}`,
          `Content-Type: ${MULTIPART_TYPE}`,
          `Content-Length: ${body.length}`,
          `Expect: ${expectation}`,
          '\r\n',
        ].join('\r\n'),
      );
      expectProblem(await client.send(body).response(), 400, 'EMPTY_FILE');
    });

    it.each([
      ['without a token', { Authorization: '' }, 401],
      ['with a body that is too large', { 'Content-Length': 10 ** 12 }, 413],
      ['with a body that is no form', { 'Content-Type': 'text/plain' }, 415],
    ])('is not told to go on %s', async (_, headers, status) => {
      const client = await app.open({ Expect: '100-continue', 'Content-Length': 1000, ...headers });
      expect((await client.response()).status).toBe(status);
      await client.untilClosed();
      expect(client.rest).toBe('');
    });
  });

  it('pipelined behind a refused upload is not taken for its body', async () => {
    const body = multipart([{ name: 'description', value: 'd' }]);
    const client = await app.connect();
    const headers = {
      Authorization: app.authorization,
      'Content-Type': MULTIPART_TYPE,
      'Content-Length': body.length,
    };
    client.head(UPLOAD, headers).send(body).head(UPLOAD, headers).send(body).head('GET /health', {});
    expectProblem(await client.response(), 400, 'VALIDATION_ERROR');
    expectProblem(await client.response(), 400, 'VALIDATION_ERROR');
    expect((await client.response()).status).toBe(200);
  });

  describe('a client that goes away', () => {
    const whole = multipart([filePart('x'.repeat(500_000))]);
    const stages: [string, number][] = [
      ['after the head', 0],
      ['in the headers of the file', 70],
      ['at the first byte of the file', 150],
      ['in the middle of the file', 250_000],
      ['before the last byte', whole.length - 1],
    ];

    /** Sends the first bytes of an upload; those of the file are on their way to the storage then. */
    async function sendFirst(sent: number): Promise<RawClient> {
      const client = await app.open({ 'Content-Length': whole.length });
      client.send(whole.subarray(0, sent));
      if (sent < 150) await sleep(30);
      else await eventually(async () => expect(await storedPaths(app.running.dataDir)).not.toEqual([]));
      return client;
    }

    it.each(stages)('%s by a reset leaves nothing behind', async (_, sent) => {
      (await sendFirst(sent)).reset();
      await app.expectUnharmed();
    });

    it.each(stages)('%s by closing its side leaves nothing behind', async (_, sent) => {
      const client = await sendFirst(sent);
      client.socket.end();
      await client.untilClosed();
      await app.expectUnharmed();
    });
  });

  it('costs no descriptors', async () => {
    const spoilt = multipart([filePart('x'.repeat(100_000)), filePart()]);
    const attempt = async (reset: boolean): Promise<void> => {
      const client = await app.open({ 'Content-Length': spoilt.length });
      client.send(reset ? spoilt.subarray(0, 50_000) : spoilt);
      if (reset) await sleep(5);
      else await client.response();
      client.reset();
    };
    for (let i = 0; i < 5; i++) await attempt(i % 2 === 0);
    await sleep(100);
    const before = await descriptorCount();
    for (let i = 0; i < 100; i++) await attempt(i % 2 === 0);
    await eventually(async () => expect(await descriptorCount()).toBeLessThanOrEqual(before + 2));
  });
});
