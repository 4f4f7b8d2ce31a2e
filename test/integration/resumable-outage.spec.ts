import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { IetfRequests } from '../support/ietf-requests.js';
import { type PostgresServer, startPostgres } from '../support/postgres-server.js';
import { TusRequests } from '../support/tus-requests.js';

let postgres: PostgresServer;
let running: RunningApp;

beforeAll(async () => {
  postgres = await startPostgres();
  running = await startApp({ DATABASE_URL: await postgres.newDatabase() });
});

afterAll(async () => {
  await running.close();
  await postgres.dispose();
});

it('has clients ask again for their uploads while the database is away', async () => {
  const token = await running.token();
  const [tus, ietf] = [new TusRequests(running, token), new IetfRequests(running, token)];
  const [fromTus, fromIetf] = [await tus.begin(3), await ietf.begin()];
  await postgres.stop();
  // Another answer of 4xx would have a tus client begin a new upload.
  for (const asked of [await tus.head(fromTus), await ietf.head(fromIetf)]) {
    expect(asked.status).toBe(503);
    expect(Number(asked.headers['retry-after'])).toBeGreaterThan(0);
  }
  const sent = await tus.patch(fromTus, 0, Buffer.from('abc'));
  expect([sent.status, sent.body.code]).toEqual([503, 'QUEUE_UNAVAILABLE']);
  await postgres.start();
});
