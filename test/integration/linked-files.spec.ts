import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type RunningApp, startApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { filePart, MULTIPART_TYPE, multipart } from '../support/multipart.js';
import { RawClient } from '../support/raw-client.js';
import { StorageElementServer } from '../support/storage-element-server.js';
import { onlyStoredContent, storedPaths } from '../support/stored-files.js';

const BYTES = randomBytes(3 * 1024 * 1024);
const HEADERS = {
  'content-type': 'text/plain',
  'content-disposition': 'attachment; filename=a.txt',
};

describe('a large file that is stored on the file system of the spool', () => {
  let running: RunningApp;
  const opened: (() => Promise<unknown>)[] = [];

  async function start(variables: Record<string, string> = {}): Promise<void> {
    running = await startApp(variables);
    opened.push(() => running.close());
  }

  afterEach(async () => {
    for (const close of opened.splice(0).toReversed()) await close();
  });

  async function authorized(): Promise<Record<string, string>> {
    return { authorization: `Bearer ${await running.token()}` };
  }

  async function put(body: BodyInit): Promise<Response> {
    const headers = { ...HEADERS, ...(await authorized()) };
    const url = `${running.url}/api/v1/files/${randomUUID()}`;
    return fetch(url, { method: 'PUT', headers, body, duplex: 'half' } as RequestInit);
  }

  async function metric(name: string): Promise<number> {
    const text = await (await fetch(`${running.url}/metrics`)).text();
    const line = text.split('\n').find((each) => each.startsWith(name));
    return Number(line?.split(' ').at(-1) ?? 0);
  }

  async function spoolFiles(): Promise<string[]> {
    const names = await readdir(join(running.dataDir, 'spool'));
    return names.filter((name) => name.endsWith('.spool'));
  }

  /** Nothing of the upload is left in the spool: its file is the stored one. */
  async function expectLinked(): Promise<void> {
    expect((await onlyStoredContent(running.dataDir)).equals(BYTES)).toBe(true);
    await eventually(async () => expect(await metric('body_spool_files')).toBe(0));
    expect(await spoolFiles()).toEqual([]);
    expect(await metric('body_spool_bytes')).toBe(0);
    expect(await metric('body_spool_spare_bytes')).toBe(0);
  }

  const ways: [string, () => Promise<Response>][] = [
    ['of a declared length', () => put(BYTES)],
    ['of a length that nobody knows', () => put(new Blob([BYTES]).stream() as never)],
    [
      'in a form',
      async () => {
        const headers = { ...(await authorized()), 'content-type': MULTIPART_TYPE };
        const body = Uint8Array.from(multipart([filePart(BYTES)]));
        return fetch(`${running.url}/api/v1/files/upload`, { method: 'POST', headers, body });
      },
    ],
  ];

  it.each(ways)('is linked, and counted once: %s', async (_, send) => {
    await start();
    const answer = await send();
    expect([answer.status, await answer.json()]).toMatchObject([201, { size: BYTES.length }]);
    expect(await metric('upload_forwarded_bytes_total')).toBe(BYTES.length);
    await expectLinked();
  });

  it('is linked where another element has failed with it', async () => {
    const failing = await StorageElementServer.start({ fault: { kind: 'answer', status: 503 } });
    opened.push(() => failing.close());
    const root = await mkdtemp(join(tmpdir(), 'linked-files-'));
    opened.push(() => rm(root, { recursive: true }));
    const elements = [
      { id: 'far', driver: 'http', url: failing.url, mode: 'edit', priority: 0 },
      { id: 'near', driver: 'local', path: join(root, 'storage'), mode: 'edit', priority: 1 },
    ];
    await start({
      STORAGE_ELEMENTS: JSON.stringify(elements),
      STORAGE_RETRY_BASE_MS: '1',
      DELIVER_LATER: 'false',
    });
    expect((await put(BYTES)).status).toBe(201);
    expect((await onlyStoredContent(root)).equals(BYTES)).toBe(true);
    await eventually(async () => expect(await metric('body_spool_files')).toBe(0));
    expect(await metric('body_spool_spare_bytes')).toBe(0);
    expect(await metric('upload_forwarded_bytes_total{target="storage:near"}')).toBe(BYTES.length);
  });

  it('leaves nothing anywhere when the client leaves in its middle', async () => {
    await start();
    const client = await RawClient.connect(running.port);
    const headers = { ...HEADERS, ...(await authorized()), 'content-length': BYTES.length };
    client.head(`PUT /api/v1/files/${randomUUID()}`, headers).send(BYTES.subarray(0, BYTES.length - 1));
    await eventually(async () =>
      expect((await storedPaths(running.dataDir)).filter((path) => path.endsWith('.content'))).toHaveLength(
        1,
      ),
    );
    client.close();
    await eventually(async () => {
      expect(await storedPaths(running.dataDir)).toEqual([]);
      expect(await spoolFiles()).toEqual([]);
    });
    expect(await metric('body_spool_spare_bytes')).toBe(0);
  });
});
