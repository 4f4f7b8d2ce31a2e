import { afterEach, describe, expect, it } from '@jest/globals';
import { InFlightUploads } from '../../src/uploads/in-flight-uploads.service.js';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { filePart, MULTIPART_TYPE, multipart } from '../support/multipart.js';
import { RawClient } from '../support/raw-client.js';
import { expectProblem, UPLOAD } from '../support/strict-app.js';

const BODY = multipart([filePart('x'.repeat(1000))]);

describe('the admission of uploads', () => {
  let running: RunningApp;
  const clients: RawClient[] = [];

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await running.close();
  });

  /** Opens an upload of which nothing but the head has been sent. */
  async function open(subject: string): Promise<RawClient> {
    const client = await RawClient.connect(running.port);
    clients.push(client);
    const Authorization = `Bearer ${await running.token({ sub: subject })}`;
    return client.head(UPLOAD, {
      Authorization,
      'Content-Type': MULTIPART_TYPE,
      'Content-Length': BODY.length,
    });
  }

  async function reading(what: 'inflight' | 'queued'): Promise<number> {
    const metrics = await (await fetch(`${running.url}/metrics`)).text();
    const line = new RegExp(`^resilience_bulkhead_${what}\\{name="uploads"\\} (\\d+)$`, 'm');
    return Number(line.exec(metrics)?.[1]);
  }

  const inFlight = (): Promise<number> => reading('inflight');
  const queued = (): Promise<number> => reading('queued');

  it('refuses one caller who has too many under way, and lets another in', async () => {
    running = await startApp({ MAX_UPLOADS_PER_CALLER: '1' });
    const first = await open('alice');
    await eventually(async () => expect(await inFlight()).toBe(1));
    const refused = await (await open('alice')).response();
    expectProblem(refused, 429, 'RATE_LIMITED');
    expect(refused.headers.get('retry-after')).toBe('1');
    expect((await (await open('bob')).send(BODY).response()).status).toBe(201);
    expect((await first.send(BODY).response()).status).toBe(201);
    expect((await (await open('alice')).send(BODY).response()).status).toBe(201);
  });

  it('answers 503 before the body is read where there are too many, and no place comes free in time', async () => {
    running = await startApp({ MAX_UPLOADS: '1', MAX_UPLOAD_WAIT_MS: '50' });
    await open('alice');
    await eventually(async () => expect(await inFlight()).toBe(1));
    expectProblem(await (await open('bob')).response(), 503, 'BULKHEAD_FULL');
  });

  it('lets one that waits in as soon as another is done, and forgets one that leaves', async () => {
    running = await startApp({ MAX_UPLOADS: '1' });
    const first = await open('alice');
    await eventually(async () => expect(await inFlight()).toBe(1));
    const leaving = await open('bob');
    const waiting = await open('carol');
    leaving.reset();
    waiting.send(BODY);
    expect((await first.send(BODY).response()).status).toBe(201);
    expect((await waiting.response()).status).toBe(201);
    await eventually(async () => expect(await inFlight()).toBe(0));
  });

  it('tells those who wait, and those who are at their limit, of a shutdown', async () => {
    running = await startApp({ MAX_UPLOADS: '1', MAX_UPLOADS_PER_CALLER: '1' });
    const first = await open('alice');
    await eventually(async () => expect(await inFlight()).toBe(1));
    const waiting = await open('bob');
    await eventually(async () => expect(await queued()).toBe(1));
    const drained = running.app.get(InFlightUploads).drain(20_000);
    expectProblem(await waiting.response(), 503, 'SHUTTING_DOWN');
    expectProblem(await (await open('alice')).response(), 503, 'SHUTTING_DOWN');
    expect((await first.send(BODY).response()).status).toBe(201);
    expect(await drained).toBe(0);
  });
});
