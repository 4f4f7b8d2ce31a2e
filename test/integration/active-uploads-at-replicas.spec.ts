import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import request, { type Test } from 'supertest';
import { Replicas } from '../../src/replicas/replicas.service.js';
import type { RunningApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import { RawClient } from '../support/raw-client.js';
import { ReplicaGroup } from '../support/replica-group.js';

type Json = Record<string, unknown>;

describe('uploads that operators see at any of several replicas', () => {
  let postgres: PostgresDatabases;
  let group: ReplicaGroup;
  let a: RunningApp;
  let b: RunningApp;
  let admin: string;
  const clients: RawClient[] = [];

  beforeAll(async () => {
    postgres = await openPostgres();
    group = await ReplicaGroup.of(await postgres.newPreparedDatabase());
    // They share a spool: that of another replica is not what makes it another one.
    [a, b] = [await group.start('shared'), await group.start('shared')];
    await group.tellAll();
    admin = await a.token({ sub: 'olga', role: 'admin' });
  });
  afterAll(async () => {
    for (const client of clients) client.close();
    await group.close();
    await postgres.dispose();
  });

  const read = (path: string): Test => request(a.url).get(`/api/v1/${path}`).auth(admin, { type: 'bearer' });
  const abort = (id: string): Test =>
    request(a.url)
      .delete(`/api/v1/active-uploads/${id}`)
      .auth(admin, { type: 'bearer' })
      .send({ reason: 'enough' });
  const replicaIdOf = ({ app }: RunningApp): string => app.get(Replicas, { strict: false }).replicaId;

  async function open(running: RunningApp, id: string): Promise<RawClient> {
    const client = await RawClient.connect(running.port);
    clients.push(client);
    return client.head(`PUT /api/v1/files/${id}`, {
      Authorization: `Bearer ${await running.token()}`,
      'Content-Type': 'text/plain',
      'Content-Length': 10,
    });
  }

  it('are listed, paged, stopped and remembered for all of them, and those that are silent are named', async () => {
    const ids = Array.from({ length: 4 }, () => randomUUID());
    const opened: RawClient[] = [];
    for (const [index, id] of ids.entries()) {
      opened.push(await open(index % 2 === 0 ? a : b, id));
      // In another millisecond than the one before.
      await eventually(async () =>
        expect((await read('active-uploads')).body.uploads).toHaveLength(index + 1),
      );
    }
    const { body } = await read('active-uploads');
    expect(body.uploads.map((upload: Json) => [upload.upload_id, upload.replica_id])).toEqual(
      ids.map((id, index) => [id, replicaIdOf(index % 2 === 0 ? a : b)]),
    );
    expect([body.next_cursor, body.unanswered_replicas]).toEqual([null, []]);
    const { body: first } = await read('active-uploads?limit=3&caller=alice');
    const { body: second } = await read(`active-uploads?limit=3&caller=alice&cursor=${first.next_cursor}`);
    expect([first.uploads.length, second.uploads.length, second.next_cursor]).toEqual([3, 1, null]);
    expect([...first.uploads, ...second.uploads].map((upload: Json) => upload.upload_id)).toEqual(ids);

    const [, atB = ''] = ids;
    expect((await abort(atB)).status).toBe(204);
    expect((await opened[1]?.response())?.json()).toMatchObject({ status: 403, code: 'UPLOAD_ABORTED' });
    const { body: audit } = await read('audit?action=abort');
    expect(audit.entries).toMatchObject([
      { who: 'olga', subject: atB, reason: 'enough', data: { replica_id: replicaIdOf(b) } },
    ]);
    const { body: recent } = await read('recent-uploads?outcome=rejected');
    expect(recent.uploads).toMatchObject([
      { upload_id: atB, replica_id: replicaIdOf(b), code: 'UPLOAD_ABORTED' },
    ]);
    expect((await abort(randomUUID())).body).toMatchObject({ status: 404, code: 'NOT_FOUND' });

    // One that lives as far as the database knows, and does not answer.
    await group.uploadAt('http://127.0.0.1:1');
    const [silent] = (await group.query(
      a,
      `SELECT replica_id FROM ingester.replicas WHERE address = 'http://127.0.0.1:1'`,
    )) as { replica_id: string }[];
    await a.app.get(Replicas, { strict: false }).beat();
    const { body: partial } = await read('active-uploads');
    expect(partial.unanswered_replicas).toEqual([silent?.replica_id]);
    expect(partial.uploads).toHaveLength(3);
    const refused = await abort(randomUUID());
    expect(refused.body).toMatchObject({ status: 503, code: 'REPLICA_UNAVAILABLE' });
    expect(refused.headers['retry-after']).toBe('5');
  });
});
