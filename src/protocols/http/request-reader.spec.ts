import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { listen, shut } from '../../../test/support/local-server.js';
import { RawClient } from '../../../test/support/raw-client.js';
import type { FileSink } from '../../ingest/upload-source.js';
import { RequestReader } from './request-reader.js';

const PATIENT = { idleMs: 300_000, minBytesPerSecond: 0, windowMs: 300_000 };
const ALL: FileSink = {
  write: () => undefined,
  backPressure: undefined,
  end: () => Promise.resolve(),
};

describe('RequestReader', () => {
  let server: Server;
  let client: RawClient;
  let request: IncomingMessage;

  beforeEach(async () => {
    server = createServer();
    await listen(server);
    client = await RawClient.connect((server.address() as AddressInfo).port);
    client.head('POST /', { 'Content-Length': 10 });
    [request] = (await once(server, 'request')) as [IncomingMessage];
  });

  afterEach(async () => {
    client.close();
    await shut(server);
  });

  it('reads a body to its end', async () => {
    const reader = new RequestReader(request, ALL, PATIENT);
    client.send('0123456789');
    await expect(reader.done).resolves.toBeUndefined();
  });

  it('fails at once for a client that is gone already', async () => {
    client.reset();
    await new Promise((resolve) => request.once('close', resolve));
    const reader = new RequestReader(request, ALL, PATIENT);
    await expect(reader.done).rejects.toMatchObject({ code: 'CLIENT_CLOSED_REQUEST' });
  });
});
