import { afterEach, describe, expect, it } from '@jest/globals';
import request, { type Test } from 'supertest';
import { type RunningApp, startApp } from '../support/app.js';

/** Nobody listens there. */
const NO_ELEMENT = {
  STORAGE_ELEMENTS: JSON.stringify([{ id: 'se-0', driver: 'http', url: 'http://127.0.0.1:1', mode: 'edit' }]),
};
const NO_DATABASE = { DATABASE_URL: 'postgres://nobody:secret@127.0.0.1:1/none' };

describe('without any storage element, the service', () => {
  let running: RunningApp | undefined;

  afterEach(async () => {
    await running?.close();
    running = undefined;
  });

  async function start(variables: Record<string, string>): Promise<string> {
    running = await startApp({ ...NO_ELEMENT, ...variables });
    return running.url;
  }

  async function readiness(variables: Record<string, string>): Promise<Awaited<Test>> {
    return request(await start(variables)).get('/health/ready');
  }

  it('is degraded but ready as long as files can be kept', async () => {
    const { status, body } = await readiness({});
    expect([status, body.status]).toEqual([200, 'degraded']);
    expect(body.details).toMatchObject({
      storage: { status: 'degraded', critical: false },
      database: { status: 'up' },
      spool: { status: 'up', critical: true },
    });
  });

  it('is not ready while the spool has no room', async () => {
    const { status, body } = await readiness({ SPOOL_MIN_FREE_BYTES: String(Number.MAX_SAFE_INTEGER) });
    expect(status).toBe(503);
    expect(body.error).toMatchObject({
      storage: { status: 'down', critical: true, message: 'no storage element that takes files is up' },
      spool: { status: 'down', message: 'the spool has too little free space' },
    });
  });

  it('is not ready while its database is away, although nothing was promised there', async () => {
    const url = await start(NO_DATABASE);
    const startedAt = performance.now();
    const { status, body, text } = await request(url).get('/health/ready');
    expect(performance.now() - startedAt).toBeLessThan(4_000);
    expect(status).toBe(503);
    expect(body.details).toMatchObject({
      storage: { status: 'down', critical: true },
      database: { status: 'degraded', critical: false, message: 'the database does not answer' },
    });
    expect(text).not.toMatch(/nobody|secret|127\.0\.0\.1/);
  });
});

describe('with storage and without its database, the service', () => {
  it('is degraded but ready before anything was promised', async () => {
    const running = await startApp(NO_DATABASE);
    try {
      const { status, body } = await request(running.url).get('/health/ready');
      expect([status, body.status]).toEqual([200, 'degraded']);
    } finally {
      await running.close();
    }
  });
});
