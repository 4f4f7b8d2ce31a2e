import { createTestKeys } from '../support/tokens.js';
import { mkdtemp, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../support/eventually.js';
import { filePart, MULTIPART_TYPE, multipart } from '../support/multipart.js';
import { RawClient } from '../support/raw-client.js';
import { type ServiceProcess, startServiceProcess } from '../support/service-process.js';
import { storedPaths } from '../support/stored-files.js';

const FILE_BYTES = 200_000;
const BODY = multipart([filePart('x'.repeat(FILE_BYTES))]);

describe('shutdown', () => {
  let service: ServiceProcess;
  let authorization: string;
  const clients: RawClient[] = [];

  async function start(graceMs: number): Promise<void> {
    const dataDir = await mkdtemp(join(tmpdir(), 'ingester-shutdown-'));
    const keys = await createTestKeys();
    authorization = `Bearer ${await keys.sign()}`;
    service = await startServiceProcess({
      NODE_ENV: 'test',
      DATA_DIR: dataDir,
      JWT_PUBLIC_KEY_FILE: await keys.publicKeyFile(dataDir),
      SHUTDOWN_GRACE_MS: String(graceMs),
      SHUTDOWN_DRAIN_DELAY_MS: '300',
    });
    await service.port();
  }

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close();
    await service.dispose();
  });

  /** An upload of which all but the last bytes are there. */
  async function beginUpload(): Promise<RawClient> {
    const client = await RawClient.connect(await service.port());
    clients.push(client);
    const headers = {
      Authorization: authorization,
      'Content-Type': MULTIPART_TYPE,
      'Content-Length': BODY.length,
    };
    client.head('POST /api/v1/files/upload', headers).send(BODY.subarray(0, -10));
    // What the parser holds back for the boundary is less than this.
    await eventually(async () => expect(await largestStored()).toBeGreaterThan(FILE_BYTES - 1_000));
    return client;
  }

  async function largestStored(): Promise<number> {
    const files = await Promise.all((await storedPaths(service.dataDir)).map((path) => stat(path)));
    return Math.max(0, ...files.map(({ size }) => size));
  }

  const get = async (path: string): Promise<number> =>
    (await fetch(`http://127.0.0.1:${await service.port()}${path}`)).status;

  it('is not held up by a client that has connected and asks for nothing', async () => {
    await start(1_000);
    clients.push(await RawClient.connect(await service.port()));
    const signalledAt = Date.now();
    service.child.kill('SIGTERM');
    expect(await service.exitCode()).toBe(0);
    expect(Date.now() - signalledAt).toBeLessThan(5_500);
  });

  describe('with a long grace', () => {
    beforeEach(() => start(20_000));

    it('turns readiness to 503, keeps liveness, refuses new uploads and finishes those in flight', async () => {
      const inFlight = await beginUpload();
      service.child.kill('SIGTERM');
      await eventually(async () => expect(await get('/health/ready')).toBe(503));
      expect(await get('/health/live')).toBe(200);
      const refused = await RawClient.connect(await service.port());
      clients.push(refused);
      const headers = {
        Authorization: authorization,
        'Content-Type': MULTIPART_TYPE,
        'Content-Length': BODY.length,
      };
      const refusal = await refused.head('POST /api/v1/files/upload', headers).response();
      expect([refusal.status, refusal.json().code]).toEqual([503, 'SHUTTING_DOWN']);
      expect(refusal.headers.get('retry-after')).toMatch(/^\d+$/);
      const receipt = await inFlight.send(BODY.subarray(-10)).response();
      expect([receipt.status, receipt.json().size]).toEqual([201, 200_000]);
      expect(await service.exitCode()).toBe(0);
    });

    it('exits at once on a second signal', async () => {
      await beginUpload();
      service.child.kill('SIGTERM');
      await eventually(async () => expect(await get('/health/ready')).toBe(503));
      const signalledAt = Date.now();
      service.child.kill('SIGTERM');
      expect(await service.exitCode()).toBe(1);
      expect(Date.now() - signalledAt).toBeLessThan(10_000);
    });
  });

  describe('with a short grace', () => {
    beforeEach(() => start(200));

    it('aborts what is still in flight after it, answers 503 and leaves nothing behind', async () => {
      const inFlight = await beginUpload();
      service.child.kill('SIGTERM');
      const answer = await inFlight.response();
      expect([answer.status, answer.json().code]).toEqual([503, 'SHUTTING_DOWN']);
      expect(await service.exitCode()).toBe(0);
      expect(await storedPaths(service.dataDir)).toEqual([]);
    });

    it('is quick when nothing is in flight, also on SIGHUP', async () => {
      const signalledAt = Date.now();
      service.child.kill('SIGHUP');
      expect(await service.exitCode()).toBe(0);
      expect(Date.now() - signalledAt).toBeLessThan(10_000);
    });
  });

  it('by SIGKILL leaves no file under its final name', async () => {
    await start(200);
    await beginUpload();
    service.child.kill('SIGKILL');
    await service.exitCode();
    const left = await storedPaths(service.dataDir);
    expect(left).not.toEqual([]);
    expect(left.filter((path) => path.includes('/files/') && path.endsWith('.json'))).toEqual([]);
  });
});
