import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import { ReplicaGroup } from '../support/replica-group.js';
import { TusRequests } from '../support/tus-requests.js';

describe('an upload that began before there was another replica', () => {
  let postgres: PostgresDatabases;
  let group: ReplicaGroup;

  beforeAll(async () => {
    postgres = await openPostgres();
  });
  afterAll(() => postgres.dispose());

  beforeEach(async () => {
    group = await ReplicaGroup.of(await postgres.newPreparedDatabase());
  });
  afterEach(() => group.close());

  it('is found through that one, which calls nothing unknown until it knows', async () => {
    const a = await group.start('a');
    const token = await a.token();
    const location = await new TusRequests(a, token).begin(10);
    const atB = new TusRequests(await group.start('b'), token);
    await atB.head(location).expect(503);
    await group.tellAll();
    await atB.head(location).expect(200);
    await atB.head(location.replace(/[^/]+$/, randomUUID())).expect(404);
  });

  it('is known to be away where its replica has ended, and others are unknown', async () => {
    const a = await group.start('a');
    const token = await a.token();
    const location = await new TusRequests(a, token).begin(10);
    // It had nobody to tell, and tells when it ends.
    await group.stop(a);
    const atB = new TusRequests(await group.start('b'), token);
    const refused = await atB.patch(location, 0, Buffer.alloc(10)).expect(503);
    expect(refused.body.code).toBe('REPLICA_UNAVAILABLE');
    await atB.head(location.replace(/[^/]+$/, randomUUID())).expect(404);
    await group.start('a');
    await group.tellAll();
    await atB.patch(location, 0, Buffer.alloc(10)).expect(204);
  });
});
