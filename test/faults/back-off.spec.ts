import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { filePart, MULTIPART_TYPE, multipart } from '../support/multipart.js';
import { RawClient } from '../support/raw-client.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { elementsAt } from '../support/fault-cell.js';

const BUSY = {
  kind: 'answer',
  status: 503,
  headers: { 'retry-after': '3', connection: 'close' },
} as const;
const BODY = multipart([filePart('hello')]);
/** So large that it is sent on before all of it has come. */
const LARGE = multipart([filePart(Buffer.alloc(200_000))]);

describe('the back-off before another attempt', () => {
  let element: StorageElementServer;
  let running: RunningApp;

  beforeEach(async () => {
    element = await StorageElementServer.start({
      fault: BUSY,
    });
    running = await startApp({
      STORAGE_ELEMENTS: elementsAt([element.url]),
      // As long as the element asks for: the only wait whose length is not left to chance.
      STORAGE_RETRY_BASE_MS: '1',
      STORAGE_RETRY_MAX_MS: '3500',
      SHUTDOWN_DRAIN_DELAY_MS: '0',
    });
  });

  afterEach(async () => {
    await running.close();
    await element.close();
  });

  /** Sends a file and waits until the first attempt has failed. */
  async function send(body = BODY, length = body.length): Promise<RawClient> {
    const client = await RawClient.connect(running.port);
    client
      .head('POST /api/v1/files/upload', {
        Authorization: `Bearer ${await running.token()}`,
        'Content-Type': MULTIPART_TYPE,
        'Content-Length': length,
      })
      .send(body);
    await eventually(async () => expect(element.uploads[0]?.state).toBe('refused'));
    return client;
  }

  /** Uploads that the service has under way. */
  async function inFlight(): Promise<number> {
    const metrics = await (await fetch(`${running.url}/metrics`)).text();
    return Number(/^upload_inflight(?:\{[^}]*\})? (\d+)$/m.exec(metrics)?.[1]);
  }

  it('ends with another attempt when the client waits', async () => {
    const client = await send();
    element.options.fault = undefined;
    expect((await client.response()).status).toBe(201);
    expect(element.uploads).toHaveLength(2);
    client.close();
  });

  /** Uploads that ended so. */
  async function outcomes(outcome: string): Promise<number> {
    const metrics = await (await fetch(`${running.url}/metrics`)).text();
    const line = new RegExp(
      `^upload_requests_total\\{route="multipart",outcome="${outcome}"\\} (\\d+)$`,
      'm',
    );
    return Number(line.exec(metrics)?.[1]);
  }

  it('lets an attempt under way come to its end when the client leaves, and removes what nobody knows of', async () => {
    element.options.fault = { kind: 'slow', bytesPerSecond: 300 };
    const client = await RawClient.connect(running.port);
    client
      .head('POST /api/v1/files/upload', {
        Authorization: `Bearer ${await running.token()}`,
        'Content-Type': MULTIPART_TYPE,
        'Content-Length': BODY.length,
      })
      .send(BODY);
    await eventually(async () => expect(element.uploads[0]?.state).toBe('receiving'));
    client.close();
    await eventually(async () => expect(await inFlight()).toBe(0));
    expect(element.uploads.map(({ state }) => state)).toEqual(['finished']);
    expect(element.files.size).toBe(0);
  });

  const leave = {
    closes: (client: RawClient) => client.close(),
    resets: (client: RawClient) => client.reset(),
  };

  async function expectEndWhenGone(client: RawClient, how: keyof typeof leave): Promise<void> {
    expect(await inFlight()).toBe(1);
    element.options.fault = undefined;
    const leftAt = performance.now();
    leave[how](client);
    await eventually(async () => expect(await inFlight()).toBe(0));
    expect(performance.now() - leftAt).toBeLessThan(2_500);
    await sleep(3_000);
    expect(element.uploads).toHaveLength(1);
    expect(element.files.size).toBe(0);
  }

  describe.each(['closes', 'resets'] as const)('when the client %s its connection', (how) => {
    it('ends at once, and for good, while the file is still coming', async () => {
      element.options.fault = { ...BUSY, afterBytes: 0 };
      await expectEndWhenGone(await send(LARGE.subarray(0, -10), LARGE.length), how);
    });

    it('ends at once, and for good, when the whole file has come', async () => {
      await expectEndWhenGone(await send(), how);
      await eventually(async () => expect(await outcomes('client_abort')).toBe(1));
    });
  });
});
