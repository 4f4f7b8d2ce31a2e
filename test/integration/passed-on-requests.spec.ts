import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RunningApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import { RawClient } from '../support/raw-client.js';
import { ReplicaGroup } from '../support/replica-group.js';
import { pathOf, TusRequests } from '../support/tus-requests.js';

const PUBLIC_URL = 'https://example.com/files';

describe('a request that is passed on to another replica', () => {
  let postgres: PostgresDatabases;
  let group: ReplicaGroup;
  let a: RunningApp;
  let b: RunningApp;
  let token: string;
  let atA: TusRequests;
  let atB: TusRequests;
  /** Where an upload of ours is, as a path. */
  const here = (location: string): string => pathOf(location).replace('/files/api', '/api');

  beforeAll(async () => {
    postgres = await openPostgres();
    group = await ReplicaGroup.of(await postgres.newPreparedDatabase());
    [a, b] = [await group.start('a', { PUBLIC_URL }), await group.start('b', { PUBLIC_URL })];
    await group.tellAll();
    token = await a.token();
    [atA, atB] = [new TusRequests(a, token), new TusRequests(b, token)];
  });
  afterAll(async () => {
    await group.close();
    await postgres.dispose();
  });

  const sendTo = async (
    running: RunningApp,
    requestLine: string,
    headers: Record<string, string | number>,
  ): Promise<RawClient> => {
    const client = await RawClient.connect(running.port);
    const own = { Authorization: `Bearer ${token}`, 'Tus-Resumable': '1.0.0' };
    return client.head(requestLine, { ...own, ...headers });
  };

  it('may announce a trailer that cannot come', async () => {
    const path = here(await atA.begin(3));
    const asking = await sendTo(b, `HEAD ${path}`, { Trailer: 'Upload-Checksum' });
    expect((await asking.response('HEAD')).status).toBe(200);
    asking.close();
    const sending = await sendTo(b, `PATCH ${path}`, {
      Trailer: 'Upload-Checksum',
      'Upload-Offset': 0,
      'Content-Type': 'application/offset+octet-stream',
      'Content-Length': 3,
    });
    sending.send('abc');
    expect((await sending.response()).status).toBe(204);
    sending.close();
  });

  it('is answered as the POST that it is where it means another method', async () => {
    const location = here(await atA.begin(3));
    const override = { 'X-HTTP-Method-Override': 'HEAD', 'Content-Length': 0 };
    const client = await sendTo(b, `POST ${location}`, override);
    const found = await client.response();
    expect([found.status, found.headers.get('upload-offset')]).toEqual([200, '0']);
    await atA.remove(`http://a${location}`).expect(204);
    // On the same connection: no byte of an answer is missing, and none is left over.
    for (let times = 0; times < 2; times += 1) {
      client.head(`POST ${location}`, {
        Authorization: `Bearer ${token}`,
        'Tus-Resumable': '1.0.0',
        ...override,
      });
      const ended = await client.response();
      expect([ended.status, ended.json().code]).toEqual([410, 'UPLOAD_ENDED']);
    }
    client.close();
  });

  it('joins parts by the URLs that were told, also where a proxy takes a path off', async () => {
    const pieces = [randomBytes(1_000), randomBytes(2_000)];
    const locations: string[] = [];
    for (const piece of pieces) {
      const location = await atA.begin(piece.length, { 'Upload-Concat': 'partial' });
      await atB.patch(`http://b${here(location)}`, 0, piece).expect(204);
      locations.push(location);
    }
    expect(locations.join()).toContain(PUBLIC_URL);
    for (const tus of [atA, atB])
      await tus.create({ 'Upload-Concat': `final;${locations.join(' ')}` }).expect(201);
  });

  describe('of which half an answer comes, or none', () => {
    let server: Server;
    let sockets: Socket[];

    beforeEach(() => {
      sockets = [];
    });
    afterEach(async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    });

    /** Where an upload is whose replica does so with each connection. */
    async function uploadAt(serve: (socket: Socket) => void): Promise<string> {
      server = createServer((socket) => {
        sockets.push(socket);
        socket.on('error', () => undefined).once('data', () => serve(socket));
      });
      await once(server.listen(0, '127.0.0.1'), 'listening');
      const address = server.address();
      if (address === null || typeof address === 'string') throw new Error('there is no port');
      return `/api/v1/uploads/${await group.uploadAt(`http://127.0.0.1:${address.port}`)}`;
    }

    it('is refused for now where the connection breaks without a word', async () => {
      const location = await uploadAt((socket) => socket.destroy());
      const refused = await atB.patch(`http://b${location}`, 0, Buffer.from('abc')).expect(503);
      expect(refused.body.code).toBe('REPLICA_UNAVAILABLE');
      expect(refused.headers['retry-after']).toBe('5');
    });

    it('has its own connection broken off where it breaks in an answer', async () => {
      const head = 'HTTP/1.1 201 Created\r\nUpload-Complete: ?1\r\nContent-Length: 10\r\n\r\n';
      const location = await uploadAt((socket) => socket.write(head, () => socket.destroySoon()));
      await expect(atB.patch(`http://b${location}`, 0, Buffer.from('abc'))).rejects.toThrow(
        /hang up|aborted|ECONNRESET/,
      );
    });

    it('lets go of the other one when its client has gone', async () => {
      const asked = Promise.withResolvers<void>();
      const location = await uploadAt(() => asked.resolve());
      const client = await sendTo(b, `HEAD ${location}`, {});
      await asked.promise;
      client.reset();
      await eventually(() => {
        expect(sockets.map(({ destroyed, readableEnded }) => destroyed || readableEnded)).toEqual([true]);
        return Promise.resolve();
      });
    });
  });
});
