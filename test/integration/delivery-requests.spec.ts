import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Database } from '../../src/database/database.service.js';
import { AdminModuleServer } from '../support/admin-module-server.js';
import { type AcceptingService, type Json, startAccepting } from '../support/accepted-service.js';
import { eventually } from '../support/eventually.js';
import { TokenEndpointServer } from '../support/token-endpoint.js';
import { describeDelivery } from './delivery-stage.js';

const SPAN = '00f067aa0ba902b7';

/** What binds one upload to what comes of it, as a client says it. */
interface Thread {
  readonly requestId: string;
  readonly traceId: string;
}

const ONE: Thread = { requestId: 'the-first', traceId: '1'.repeat(32) };
const OTHER: Thread = { requestId: 'the-second', traceId: '2'.repeat(32) };

const headersOf = ({ requestId, traceId }: Thread): Record<string, string> => ({
  'x-request-id': requestId,
  traceparent: `00-${traceId}-${SPAN}-01`,
});

/** The thread that a call to another service was made in. */
function threadOf(headers: Readonly<Record<string, unknown>>): Thread {
  const [, traceId = ''] = String(headers.traceparent).split('-');
  return { requestId: String(headers['x-request-id']), traceId };
}

describeDelivery('a delivery', (start) => {
  it('is sent under the id and the trace of its own upload, as often as it is sent', async () => {
    const stage = await start();
    const async = { prefer: 'respond-async' };
    const one = await stage.accept(randomBytes(10_000), { ...headersOf(ONE), ...async });
    const other = await stage.accept(randomBytes(50_000), { ...headersOf(OTHER), ...async });
    for (const id of [one, other])
      await eventually(async () => expect((await stage.task(id)).attempts).toBeGreaterThan(1));
    stage.element.options.fault = undefined;
    for (const id of [one, other]) await stage.untilStatus(id, 'active');
    const sent = stage.element.uploads.map(({ headers }) => headers);
    expect(sent.length).toBeGreaterThan(5);
    for (const headers of sent)
      expect(threadOf(headers)).toEqual(Number(headers['content-length']) < 50_000 ? ONE : OTHER);
  });

  it('goes on under them in another process', async () => {
    const stage = await start();
    const id = await stage.accept(undefined, { ...headersOf(ONE), prefer: 'respond-async' });
    await stage.running.app.close();
    const again = await stage.reopen();
    stage.element.options.fault = undefined;
    await again.untilStatus(id, 'active');
    expect(threadOf(stage.element.uploads.at(-1)?.headers ?? {})).toEqual(ONE);
  });
});

describe('what is left to be done for a stored file', () => {
  async function store(service: AcceptingService, thread: Thread): Promise<string> {
    const answer = await service.post(randomBytes(1_000), headersOf(thread));
    expect(answer.status).toBe(201);
    return String(((await answer.json()) as Json).upload_id);
  }

  it('is done under the id and the trace of its own upload, also where it was noted in the spool first', async () => {
    const [admin, tokens] = await Promise.all([AdminModuleServer.start(), TokenEndpointServer.start()]);
    const service = await startAccepting({
      ADMIN_URL: admin.url,
      SERVICE_TOKEN_URL: tokens.url,
      SERVICE_CLIENT_ID: 'ingester',
      SERVICE_CLIENT_SECRET: 'hunter2',
    });
    service.element.options.fault = undefined;
    const database = service.running.app.get(Database, { strict: false });
    // While the database is opened for the first one, the other one comes.
    const open = database.open.bind(database);
    const opening = Promise.withResolvers<void>();
    database.open = () => opening.promise.then(open);
    const [one, other] = [await store(service, ONE), await store(service, OTHER)];
    opening.resolve();
    await eventually(() => Promise.resolve(expect(admin.requests).toHaveLength(2)));
    const rows = await database.query<{ upload_id: string; request: string }>(
      'SELECT * FROM ingester.uploads',
    );
    const requests = new Map(rows.map((row): [string, unknown] => [row.upload_id, JSON.parse(row.request)]));
    expect([requests.get(one), requests.get(other)]).toMatchObject([ONE, OTHER]);
    await service.close();
    await Promise.all([admin.close(), tokens.close()]);
  });
});
