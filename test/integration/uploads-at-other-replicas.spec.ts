import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import type { RunningApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { IetfRequests, locationIn, progressIn } from '../support/ietf-requests.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import { RawClient } from '../support/raw-client.js';
import { ReplicaGroup } from '../support/replica-group.js';
import { pathOf, TusRequests } from '../support/tus-requests.js';

const MIB = 1024 * 1024;
const digestOf = (algorithm: string, bytes: Buffer): Buffer => createHash(algorithm).update(bytes).digest();

describe('an upload that is at another replica, with a spool of its own', () => {
  let postgres: PostgresDatabases;
  let group: ReplicaGroup;
  let a: RunningApp;
  let b: RunningApp;
  let token: string;
  let atA: TusRequests;
  let atB: TusRequests;

  beforeAll(async () => {
    postgres = await openPostgres();
  });
  afterAll(() => postgres.dispose());

  beforeEach(async () => {
    group = await ReplicaGroup.of(await postgres.newPreparedDatabase());
    [a, b] = [await group.start('a'), await group.start('b')];
    await group.tellAll();
    token = await a.token();
    [atA, atB] = [new TusRequests(a, token), new TusRequests(b, token)];
  });
  afterEach(() => group.close());

  const isStored = (location: string, bytes: Buffer): Promise<void> =>
    eventually(async () => {
      expect((await atA.receiptOf(location)).body).toMatchObject({
        status: 'active',
        checksum: digestOf('sha256', bytes).toString('hex'),
      });
    });

  const offsetSeenBy = async (running: RunningApp): Promise<number> => {
    const { body } = await request(running.url).get('/api/v1/uploads').auth(token, { type: 'bearer' });
    return body.uploads[0].offset;
  };

  it('goes on at whichever is asked, and becomes one file', async () => {
    const bytes = randomBytes(MIB);
    const location = await atA.begin(bytes.length);
    const piece = bytes.length / 8;
    for (let turn = 0; turn < 8; turn += 1) {
      const tus = turn % 2 === 0 ? atB : atA;
      const head = await tus.head(location).expect(200);
      expect(head.headers).toMatchObject({
        'upload-offset': String(turn * piece),
        'upload-length': String(bytes.length),
        'tus-resumable': '1.0.0',
      });
      const answer = await tus.patch(
        location,
        turn * piece,
        bytes.subarray(turn * piece, (turn + 1) * piece),
      );
      expect([answer.status, answer.headers['upload-offset']]).toEqual([204, String((turn + 1) * piece)]);
    }
    await isStored(location, bytes);
    expect((await atB.head(location)).headers['upload-offset']).toBe(String(bytes.length));
    expect(await group.filesStored()).toBe(1);
  });

  it('is refused and removed through another one as through its own', async () => {
    const location = await atA.begin(10);
    const wrong = await atB.patch(location, 5, Buffer.alloc(5)).expect(409);
    expect(wrong.headers['upload-offset']).toBe('0');
    expect(wrong.body).toMatchObject({ code: 'OFFSET_MISMATCH', instance: pathOf(location) });
    const mallory = new TusRequests(b, await b.token({ sub: 'mallory' }));
    await mallory.head(location).expect(404);
    await request(b.url).head(pathOf(location)).set('Tus-Resumable', '1.0.0').expect(401);
    await atB.remove(location).expect(204);
    await atA.head(location).expect(410);
    await atB.head(location).expect(410);
  });

  it('streams there: what has come is there before the rest was sent, and stays when the client goes', async () => {
    const bytes = randomBytes(4 * MIB);
    const location = await atA.begin(bytes.length);
    const client = await RawClient.connect(b.port);
    client.head(`PATCH ${pathOf(location)}`, {
      Authorization: `Bearer ${token}`,
      'Tus-Resumable': '1.0.0',
      'Upload-Offset': 0,
      'Content-Type': 'application/offset+octet-stream',
      'Content-Length': bytes.length,
    });
    client.send(bytes.subarray(0, MIB));
    await eventually(async () => expect(await offsetSeenBy(a)).toBe(MIB));
    client.reset();
    await eventually(async () =>
      expect((await atB.head(location)).headers['upload-offset']).toBe(String(MIB)),
    );
    await atB.patch(location, MIB, bytes.subarray(MIB)).expect(204);
    await isStored(location, bytes);
  });

  it('says there first whether the body is wanted', async () => {
    const location = await atA.begin(100);
    const open = async (offset: number): Promise<RawClient> => {
      const client = await RawClient.connect(b.port);
      return client.head(`PATCH ${pathOf(location)}`, {
        Authorization: `Bearer ${token}`,
        'Tus-Resumable': '1.0.0',
        'Upload-Offset': offset,
        'Content-Type': 'application/offset+octet-stream',
        'Content-Length': 100,
        Expect: '100-continue',
      });
    };
    const refused = await open(7);
    expect((await refused.response()).status).toBe(409);
    refused.close();
    const taken = await open(0);
    expect((await taken.response()).status).toBe(100);
    taken.send(randomBytes(100));
    expect((await taken.response()).status).toBe(204);
    taken.close();
  });

  it('takes a checksum as a trailer through another one', async () => {
    const bytes = randomBytes(1_000);
    const location = await atA.begin(bytes.length);
    const send = async (sum: string): Promise<number> => {
      const client = await RawClient.connect(b.port);
      client.head(`PATCH ${pathOf(location)}`, {
        Authorization: `Bearer ${token}`,
        'Tus-Resumable': '1.0.0',
        'Upload-Offset': 0,
        'Content-Type': 'application/offset+octet-stream',
        'Transfer-Encoding': 'chunked',
        Trailer: 'Upload-Checksum',
      });
      client.send('3e8\r\n').send(bytes).send(`\r\n0\r\nUpload-Checksum: sha1 ${sum}\r\n\r\n`);
      const { status } = await client.response();
      client.close();
      return status;
    };
    expect(await send(digestOf('sha1', Buffer.from('others')).toString('base64'))).toBe(460);
    expect(await send(digestOf('sha1', bytes).toString('base64'))).toBe(204);
    await isStored(location, bytes);
  });

  it('joins parts that were sent to all of them', async () => {
    const pieces = [randomBytes(300_000), randomBytes(200_000), randomBytes(100_000), randomBytes(1)];
    const locations = await Promise.all(
      pieces.map(({ length }, index) =>
        (index % 2 === 0 ? atA : atB).begin(length, { 'Upload-Concat': 'partial' }),
      ),
    );
    await Promise.all(
      pieces.map((piece, index) =>
        (index % 2 === 0 ? atB : atA).patch(locations[index] ?? '', 0, piece).expect(204),
      ),
    );
    for (const tus of [atA, atB]) {
      const joined = await tus.create({ 'Upload-Concat': `final;${locations.join(' ')}` }).expect(201);
      await isStored(String(joined.headers.location), Buffer.concat(pieces));
    }
  });

  it('is found again by its key at another one', async () => {
    const headers = { 'Upload-Length': '10', 'Idempotency-Key': '"k-1"' };
    const first = await atA.create(headers).expect(201);
    await atA.patch(String(first.headers.location), 0, Buffer.from('hello')).expect(204);
    const second = await atB.create(headers).expect(201);
    expect(pathOf(String(second.headers.location))).toBe(pathOf(String(first.headers.location)));
    expect(second.headers['upload-offset']).toBe('5');
  });

  it('speaks the protocol of the IETF through another one, interim responses included', async () => {
    const bytes = randomBytes(50_000);
    const [ietfA, ietfB] = [new IetfRequests(a, token), new IetfRequests(b, token)];
    const uploadId = randomUUID();
    const begun = await ietfA.put(uploadId, { 'Upload-Complete': '?0' }, bytes.subarray(0, 10_000));
    expect(progressIn(begun)).toEqual([201, '?0', '10000']);
    const location = locationIn(begun);
    expect(progressIn(await ietfB.head(location))).toEqual([204, '?0', '10000']);
    const again = await ietfB.put(uploadId, { 'Upload-Complete': '?1' }, bytes);
    expect(progressIn(again)).toEqual([409, '?0', '10000']);
    const client = await ietfB.connect(`PATCH ${pathOf(location)}`, {
      'Content-Type': 'application/partial-upload',
      'Content-Length': 40_000,
      'Upload-Offset': 10_000,
      'Upload-Complete': '?1',
      'Upload-Draft-Interop-Version': 8,
    });
    client.send(bytes.subarray(10_000));
    let answer = await client.response();
    while (answer.status === 104) answer = await client.response();
    expect([answer.status, answer.headers.get('upload-complete')]).toEqual([201, '?1']);
    expect(answer.json()).toMatchObject({ upload_id: uploadId, status: 'active' });
    client.close();
    expect(await group.filesStored()).toBe(1);
  });

  it('tells of one that is created again where it is already', async () => {
    const uploadId = randomUUID();
    const ietfA = new IetfRequests(a, token);
    await ietfA.put(uploadId, { 'Upload-Complete': '?0' }).expect(201);
    const client = await new IetfRequests(b, token).connect(`PUT /api/v1/files/${uploadId}`, {
      'Content-Length': 3,
      'Upload-Complete': '?1',
      'Upload-Draft-Interop-Version': 8,
    });
    const announced = await client.response();
    expect([announced.status, announced.headers.get('location')]).toEqual([
      104,
      expect.stringContaining(`/api/v1/uploads/${uploadId}`),
    ]);
    client.send('abc');
    let answer = await client.response();
    while (answer.status === 104) answer = await client.response();
    expect(answer.status).toBe(201);
    client.close();
  });

  it('is in the lists and the receipts of all', async () => {
    const locations = [await atA.begin(10), await atB.begin(20), await atA.begin(30), await atB.begin(40)];
    const listAt = (running: RunningApp, query: string): request.Test =>
      request(running.url).get(`/api/v1/uploads?${query}`).auth(token, { type: 'bearer' });
    for (const running of [a, b]) {
      const seen: number[] = [];
      let after: string | null = '';
      while (after !== null) {
        const { body }: request.Response = await listAt(
          running,
          after ? `limit=1&after=${after}` : 'limit=1',
        ).expect(200);
        seen.push(...body.uploads.map(({ length }: { length: number }) => length));
        after = body.next;
      }
      expect(seen).toEqual([10, 20, 30, 40]);
    }
    for (const location of locations) {
      for (const tus of [atA, atB])
        expect((await tus.receiptOf(location)).body).toMatchObject({ status: 'receiving' });
    }
    await group.stop(a);
    const { body } = await listAt(b, '').expect(200);
    expect(body).toMatchObject({ uploads: [{ length: 20 }, { length: 40 }], replicas_away: 1 });
  });

  it('can be come back for while its replica is away, and goes on when that is back with its spool', async () => {
    const location = await atA.begin(10);
    await atB.patch(location, 0, Buffer.from('hello')).expect(204);
    await group.stop(a);
    const refused = await atB.patch(location, 5, Buffer.from('world')).expect(503);
    expect(refused.body).toMatchObject({ code: 'REPLICA_UNAVAILABLE', retryable: true });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    await atB.head(location).expect(503);
    // Known to be away, it is not even tried.
    await group.query(
      b,
      'UPDATE ingester.replicas SET last_seen_at = last_seen_at - 20000 WHERE address = $1',
      [a.url],
    );
    await atB.head(location).expect(503);
    await group.start('a');
    await group.tellAll();
    expect((await atB.head(location).expect(200)).headers['upload-offset']).toBe('5');
    await atB.patch(location, 5, Buffer.from('world')).expect(204);
    expect((await atB.receiptOf(location)).body).toMatchObject({ status: 'active', size: 10 });
  });

  it('is not passed on twice', async () => {
    const location = await atA.begin(10);
    const passedOn = await atB.head(location).set('Via', '1.1 proxy, 1.1 ingester');
    expect(passedOn.status).toBe(503);
    await atB.head(location).set('Via', '1.1 ingester.example').expect(200);
  });

  it('is asked for where a request came, whatever host its target names', async () => {
    const location = await atA.begin(10);
    const client = await RawClient.connect(b.port);
    client.head(`HEAD http://127.0.0.1:9${pathOf(location)}`, {
      Authorization: `Bearer ${token}`,
      'Tus-Resumable': '1.0.0',
    });
    expect((await client.response()).status).toBeLessThan(500);
    client.close();
  });
});
