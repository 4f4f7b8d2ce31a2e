import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { listen, shut } from '../../test/support/local-server.js';
import { readJsonObject } from './json-body.js';

describe('readJsonObject', () => {
  let server: Server;
  let url: string;

  beforeEach(async () => {
    server = createServer();
    url = await listen(server);
  });

  afterEach(async () => {
    jest.useRealTimers();
    await shut(server);
  });

  /** Sends the beginning of a body, and no end. */
  async function begin(
    text: string,
  ): Promise<{ incoming: IncomingMessage; end: () => void; leave: () => void }> {
    const client = request(url, { method: 'POST', headers: { 'Content-Type': 'application/json' } });
    client.on('error', () => undefined);
    client.write(text);
    const [incoming] = (await once(server, 'request')) as [IncomingMessage];
    return { incoming, end: () => client.end(), leave: () => client.destroy() };
  }

  it('reads a body that begins with a byte order mark', async () => {
    const { incoming, end } = await begin('\ufeff{"a":1}');
    end();
    expect(await readJsonObject(incoming)).toEqual({ a: 1 });
  });

  it.each(['{"a":', "{'a':1}", '{"a":1,}', '"\\x"'])('says that %s is not valid JSON', async (text) => {
    const { incoming, end } = await begin(text);
    end();
    const refusal = { code: 'VALIDATION_ERROR', detail: 'The body is not valid JSON.' };
    await expect(readJsonObject(incoming)).rejects.toMatchObject(refusal);
  });

  it('gives up on a client that does not finish', async () => {
    const { incoming } = await begin('{"a":');
    jest.useFakeTimers();
    const reading = readJsonObject(incoming);
    jest.advanceTimersByTime(10_000);
    await expect(reading).rejects.toMatchObject({ code: 'CLIENT_STALLED' });
  });

  it('fails when the client leaves', async () => {
    const { incoming, leave } = await begin('{"a":');
    const reading = readJsonObject(incoming);
    leave();
    await expect(reading).rejects.toMatchObject({ code: 'CLIENT_CLOSED_REQUEST' });
  });
});
