import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../test/support/eventually.js';
import { listen, shut } from '../../test/support/local-server.js';
import { RawClient } from '../../test/support/raw-client.js';
import { closeUnlessRead } from './lingering-close.js';

const MIB = 1024 * 1024;

describe('closeUnlessRead', () => {
  let server: Server;
  let client: RawClient;

  beforeEach(async () => {
    server = createServer();
    for (const event of ['checkContinue', 'checkExpectation']) {
      server.on(event, (request, response) => server.emit('request', request, response));
    }
    await listen(server);
    client = await RawClient.connect((server.address() as AddressInfo).port);
  });

  afterEach(async () => {
    client.close();
    await shut(server);
  });

  it.each(['100-continue', 'other'])(
    'has the answer reach a client that sends its body without being told to: Expect: %s',
    async (expectation) => {
      const resets: Error[] = [];
      client.socket.on('error', (error) => resets.push(error));
      client.head('POST /', { 'Content-Length': 4 * MIB, Expect: expectation }).send(Buffer.alloc(MIB));
      const [request, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse];
      closeUnlessRead(request, response);
      await eventually(async () => expect(request.readableLength).toBeGreaterThan(0));
      response.writeHead(503, { 'Content-Length': 0 }).end();
      client.send(Buffer.alloc(3 * MIB));
      expect((await client.response()).status).toBe(503);
      await client.untilClosed();
      expect(resets).toEqual([]);
    },
  );
});
