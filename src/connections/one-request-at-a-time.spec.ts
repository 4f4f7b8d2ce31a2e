import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../test/support/eventually.js';
import { listen, shut } from '../../test/support/local-server.js';
import { RawClient } from '../../test/support/raw-client.js';
import { MOST_WAITING, oneRequestAtATime } from './one-request-at-a-time.js';

describe('oneRequestAtATime', () => {
  let server: Server;
  let client: RawClient;
  /** What was begun, in order, and its response. */
  let begun: Map<string, ServerResponse>;
  let floods: Socket[];

  beforeEach(async () => {
    begun = new Map();
    floods = [];
    server = createServer(
      oneRequestAtATime(
        (request, response) => begun.set(request.url ?? '', response),
        (socket) => floods.push(socket),
      ),
    );
    await listen(server);
    client = await RawClient.connect((server.address() as AddressInfo).port);
  });
  afterEach(async () => {
    client.close();
    await shut(server);
  });

  async function untilBegun(...paths: string[]): Promise<void> {
    await eventually(async () => expect([...begun.keys()]).toEqual(paths));
  }

  function ask(...paths: string[]): void {
    client.send(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: ingester\r\n\r\n`).join(''));
  }

  it('begins a request when the answer before it is out', async () => {
    ask('/1', '/2', '/3');
    await untilBegun('/1');
    begun.get('/1')?.end('one');
    expect((await client.response()).status).toBe(200);
    await untilBegun('/1', '/2');
    begun.get('/2')?.end('two');
    await untilBegun('/1', '/2', '/3');
    begun.get('/3')?.end('three');
    ask('/4');
    await untilBegun('/1', '/2', '/3', '/4');
  });

  it('begins a request when all who listen for the end of the one before have heard of it', async () => {
    ask('/1', '/2');
    await untilBegun('/1');
    let begunBefore: string[] = [];
    begun.get('/1')?.once('close', () => (begunBefore = [...begun.keys()]));
    begun.get('/1')?.end('one');
    await untilBegun('/1', '/2');
    expect(begunBefore).toEqual(['/1']);
  });

  it('begins nothing more when the connection has ended', async () => {
    ask('/1', '/2');
    await untilBegun('/1');
    const closed = new Promise((resolve) => begun.get('/1')?.once('close', resolve));
    client.reset();
    await closed;
    await new Promise((resolve) => setImmediate(resolve));
    expect([...begun.keys()]).toEqual(['/1']);
  });

  it('closes a connection on which more come ahead than may wait', async () => {
    ask(...Array.from({ length: MOST_WAITING + 1 }, (_, index) => `/${index}`));
    await untilBegun('/0');
    expect(floods).toEqual([]);
    ask('/more', '/and-more');
    await client.untilClosed();
    expect(floods).toHaveLength(1);
    expect([...begun.keys()]).toEqual(['/0']);
  });
});
