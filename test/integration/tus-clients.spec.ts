import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Upload, type UploadOptions } from 'tus-js-client';
import { type RunningApp, startApp } from '../support/app.js';
import { CuttingRelay } from '../support/cutting-relay.js';
import { eventually } from '../support/eventually.js';
import { isLongRun } from '../support/long-run.js';
import { storedPaths } from '../support/stored-files.js';
import { TusRequests } from '../support/tus-requests.js';

const MIB = 1024 ** 2;
const SIZE = isLongRun ? 1024 * MIB : 12 * MIB;
const LINE = { cutAfterBytes: isLongRun ? 24 * MIB : 1.5 * MIB, stallEvery: 3, stallMs: 1_000 };

describe('tus-js-client, over a line that breaks off', () => {
  let running: RunningApp;
  let relay: CuttingRelay;
  let token: string;
  const bytes = randomBytes(SIZE);
  const checksum = createHash('sha256').update(bytes).digest('hex');

  beforeAll(async () => {
    running = await startApp();
    token = await running.token();
    relay = await CuttingRelay.to(running.port, LINE);
  });

  afterAll(async () => {
    await relay.close();
    await running.close();
  });

  /** Uploads the bytes, and gives where the upload is. */
  function upload(options: Partial<UploadOptions>): Promise<string> {
    return new Promise((resolve, reject) => {
      const task = new Upload(bytes, {
        endpoint: `${relay.url}/api/v1/uploads`,
        retryDelays: Array.from({ length: 200 }, () => 50),
        headers: { Authorization: `Bearer ${token}` },
        metadata: { filename: 'film.bin', filetype: 'application/octet-stream' },
        onSuccess: () => resolve(task.url ?? ''),
        onError: reject,
        ...options,
      });
      task.start();
    });
  }

  it.each<[string, Partial<UploadOptions>]>([
    ['as it is', {}],
    ['with the first bytes in its creation', { uploadDataDuringCreation: true, chunkSize: 1_000_000 }],
    ['in chunks', { chunkSize: 1_000_000 }],
    ['of a length that is known at last', { uploadLengthDeferred: true, chunkSize: 1_000_000 }],
    ['by POST alone', { overridePatchMethod: true }],
    ['in four parts side by side', { parallelUploads: 4 }],
  ])('uploads a file once, and whole, %s', async (_, options) => {
    const before = { cuts: relay.cuts, files: await contents() };
    const url = await upload(options);
    // Where a question was answered with the last offset, nobody has waited for its place.
    await eventually(async () => {
      const receipt = await new TusRequests(running, token).receiptOf(url);
      expect(receipt.body).toMatchObject({
        status: 'active',
        size: SIZE,
        checksum,
        original_filename: 'film.bin',
      });
    });
    expect(relay.cuts).toBeGreaterThan(before.cuts + 2);
    expect(await contents()).toBe(before.files + 1);
  });

  const contents = async (): Promise<number> =>
    (await storedPaths(running.dataDir)).filter((path) => path.endsWith('.content')).length;
});
