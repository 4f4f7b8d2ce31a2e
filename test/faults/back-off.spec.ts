import { describe, expect } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { filePart, MULTIPART_TYPE, multipart } from '../support/multipart.js';
import { RawClient } from '../support/raw-client.js';
import { itSideBySide, type Later } from '../support/side-by-side.js';
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

const LEAVE = {
  'closes its connection': (client: RawClient) => client.close(),
  'resets its connection': (client: RawClient) => client.reset(),
};

/** A service with an element of its own, which is busy. */
interface Scene {
  readonly element: StorageElementServer;
  readonly running: RunningApp;
}

async function startScene(later: Later): Promise<Scene> {
  const element = await StorageElementServer.start({ fault: BUSY });
  later(() => element.close());
  const running = await startApp({
    STORAGE_ELEMENTS: elementsAt([element.url]),
    // As long as the element asks for: the only wait whose length is not left to chance.
    STORAGE_RETRY_BASE_MS: '1',
    STORAGE_RETRY_MAX_MS: '3500',
    SHUTDOWN_DRAIN_DELAY_MS: '0',
  });
  later(() => running.close());
  return { element, running };
}

/** Sends a file and waits until the first attempt is so. */
async function send(
  { element, running }: Scene,
  state: string,
  body = BODY,
  length = body.length,
): Promise<RawClient> {
  const client = await RawClient.connect(running.port);
  client
    .head('POST /api/v1/files/upload', {
      Authorization: `Bearer ${await running.token()}`,
      'Content-Type': MULTIPART_TYPE,
      'Content-Length': length,
    })
    .send(body);
  await eventually(async () => expect(element.uploads[0]?.state).toBe(state));
  return client;
}

/** What the service counts of uploads. */
async function metric({ running }: Scene, line: RegExp): Promise<number> {
  const metrics = await (await fetch(`${running.url}/metrics`)).text();
  return Number(line.exec(metrics)?.[1]);
}

/** Uploads that the service has under way. */
const inFlight = (scene: Scene): Promise<number> => metric(scene, /^upload_inflight(?:\{[^}]*\})? (\d+)$/m);

/** Uploads whose clients left. */
const aborted = (scene: Scene): Promise<number> =>
  metric(scene, /^upload_requests_total\{route="multipart",outcome="client_abort"\} (\d+)$/m);

async function expectEndWhenGone(scene: Scene, leave: () => void): Promise<void> {
  expect(await inFlight(scene)).toBe(1);
  scene.element.options.fault = undefined;
  const leftAt = performance.now();
  leave();
  await eventually(async () => expect(await inFlight(scene)).toBe(0));
  expect(performance.now() - leftAt).toBeLessThan(2_500);
  await sleep(3_000);
  expect(scene.element.uploads).toHaveLength(1);
  expect(scene.element.files.size).toBe(0);
}

describe('the back-off before another attempt', () => {
  itSideBySide('ends with another attempt when the client waits', async (later) => {
    const scene = await startScene(later);
    const client = await send(scene, 'refused');
    scene.element.options.fault = undefined;
    expect((await client.response()).status).toBe(201);
    expect(scene.element.uploads).toHaveLength(2);
    client.close();
  });

  itSideBySide(
    'lets an attempt under way come to its end when the client leaves, and removes what nobody knows of',
    async (later) => {
      const scene = await startScene(later);
      scene.element.options.fault = { kind: 'slow', bytesPerSecond: 300 };
      const client = await send(scene, 'receiving');
      client.close();
      await eventually(async () => expect(await inFlight(scene)).toBe(0));
      expect(scene.element.uploads.map(({ state }) => state)).toEqual(['finished']);
      expect(scene.element.files.size).toBe(0);
    },
  );

  for (const [how, leave] of Object.entries(LEAVE)) {
    itSideBySide(
      `ends at once, and for good, when the client ${how} while the file is still coming`,
      async (later) => {
        const scene = await startScene(later);
        scene.element.options.fault = { ...BUSY, afterBytes: 0 };
        const client = await send(scene, 'refused', LARGE.subarray(0, -10), LARGE.length);
        await expectEndWhenGone(scene, () => leave(client));
      },
    );

    itSideBySide(
      `ends at once, and for good, when the client ${how} and the whole file has come`,
      async (later) => {
        const scene = await startScene(later);
        const client = await send(scene, 'refused');
        await expectEndWhenGone(scene, () => leave(client));
        await eventually(async () => expect(await aborted(scene)).toBe(1));
      },
    );
  }
});
