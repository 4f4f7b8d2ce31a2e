import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { OtlpReceiver } from '../support/otlp-receiver.js';
import { openPostgres, type PostgresDatabases } from '../support/postgres-databases.js';
import { ReplicaGroup } from '../support/replica-group.js';
import { TusRequests } from '../support/tus-requests.js';

let postgres: PostgresDatabases;
let collector: OtlpReceiver;

beforeAll(async () => {
  [postgres, collector] = await Promise.all([openPostgres(), OtlpReceiver.start()]);
});
afterAll(async () => {
  await Promise.all([postgres.dispose(), collector.close()]);
});

it('a request that another replica answers is a span of both, one within the other', async () => {
  const { variables } = collector;
  const group = await ReplicaGroup.of(await postgres.newPreparedDatabase());
  try {
    const [a, b] = [await group.start('a', variables), await group.start('b', variables)];
    await group.tellAll();
    const token = await a.token();
    const bytes = randomBytes(1000);
    const location = await new TusRequests(a, token).begin(bytes.length);
    const answer = await new TusRequests(b, token)
      .patch(location, 0, bytes)
      .set('X-Request-ID', 'of-the-client')
      .expect(204);
    expect(answer.headers['x-request-id']).toBe('of-the-client');
    const uploads = await collector.named('upload', 3);
    const appends = uploads.filter(({ attributes }) => attributes['http.request.method'] === 'PATCH');
    const [atA, atB] = ['stored', undefined].map((outcome) =>
      appends.find(({ attributes }) => attributes['ingester.upload.outcome'] === outcome),
    );
    expect(atB).toBeDefined();
    expect(atA).toMatchObject({ traceId: atB?.traceId, parentSpanId: atB?.spanId });
    const ids = collector.resources.map((resource) => resource['service.instance.id']);
    expect(new Set(ids).size).toBe(2);
  } finally {
    await group.close();
  }
});
