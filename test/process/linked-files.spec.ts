import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { RawClient } from '../support/raw-client.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';

const MIB = 1024 * 1024;
const BYTES = randomBytes(6 * MIB);
const ID = randomUUID();
const HEADERS = { 'content-type': 'text/plain', 'content-disposition': 'attachment; filename=a.txt' };

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe('a service that is killed while a linked file comes', () => {
  let dataDir: string;
  let element: string;
  const services: ServiceProcess[] = [];

  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'ingester-linked-'));
    element = join(dataDir, 'storage', 'edit');
  });

  afterEach(async () => {
    for (const service of services.splice(0).toReversed()) await service.dispose();
  });

  async function start(): Promise<ServiceProcess> {
    const service = await startServiceProcess({
      NODE_ENV: 'development',
      SKIP_AUTH: 'true',
      DATA_DIR: dataDir,
    });
    services.push(service);
    return service;
  }

  /** Names in the element that end so. */
  async function named(end: string): Promise<string[]> {
    const names = await readdir(element, { recursive: true }).catch(() => []);
    return names.filter((name) => name.endsWith(end));
  }

  const spoolFiles = async (): Promise<string[]> =>
    (await readdir(join(dataDir, 'spool'))).filter((name) => name.endsWith('.spool'));

  async function put(port: number, bytes: Buffer): Promise<unknown> {
    const url = `http://127.0.0.1:${port}/api/v1/files/${ID}`;
    const answer = await fetch(url, { method: 'PUT', headers: HEADERS, body: Uint8Array.from(bytes) });
    return [answer.status, await answer.json()];
  }

  it('has no file of it, and what it left is touched by no later one', async () => {
    const first = await start();
    const client = await RawClient.connect(await first.port());
    const headers = { ...HEADERS, 'content-length': BYTES.length };
    client.head(`PUT /api/v1/files/${ID}`, headers).send(BYTES.subarray(0, 4 * MIB));
    await eventually(async () => {
      const [content = ''] = await named('.content');
      expect((await stat(join(element, content))).size).toBeGreaterThan(2 * MIB);
    });
    first.child.kill('SIGKILL');
    await first.exitCode();
    client.close();
    const [left = ''] = await named('.content');
    expect(await named('.json')).toEqual([expect.stringMatching(`^incoming/${ID}`)]);
    expect((await stat(join(element, left))).nlink).toBe(2);
    expect(await spoolFiles()).toHaveLength(1);
    const before = await readFile(join(element, left));

    const port = await (await start()).port();
    expect(await put(port, BYTES)).toMatchObject([201, { size: BYTES.length }]);
    const stored = (await named('.content')).find((name) => name !== left) ?? '';
    expect(sha256(await readFile(join(element, stored)))).toBe(sha256(BYTES));
    expect((await readFile(join(element, left))).equals(before)).toBe(true);
    // The other name of the stored file is gone, and that of the killed process is left to the sweep.
    expect((await stat(join(element, stored))).nlink).toBe(1);
    expect(await spoolFiles()).toHaveLength(1);
  });
});
