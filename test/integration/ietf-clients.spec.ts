import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Upload, type UploadOptions } from 'tus-js-client';
import { type RunningApp, startApp } from '../support/app.js';
import { CuttingRelay } from '../support/cutting-relay.js';
import { eventually } from '../support/eventually.js';
import { IetfRequests, progressIn } from '../support/ietf-requests.js';
import { storedPaths } from '../support/stored-files.js';

const SIZE = 12 * 1024 ** 2;
const LINE = { cutAfterBytes: 1.5 * 1024 ** 2, stallEvery: 3, stallMs: 1_000 };

/** Its types do not know the option yet. */
type IetfOptions = Partial<UploadOptions> & { readonly protocol: 'ietf-draft-03' | 'ietf-draft-05' };

describe("tus-js-client by the IETF's protocol, over a line that breaks off", () => {
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
  function upload(options: IetfOptions): Promise<string> {
    return new Promise((resolve, reject) => {
      const task = new Upload(bytes, {
        endpoint: `${relay.url}/api/v1/uploads`,
        retryDelays: Array.from({ length: 200 }, () => 50),
        headers: { Authorization: `Bearer ${token}` },
        onSuccess: () => resolve(task.url ?? ''),
        onError: reject,
        ...options,
      });
      task.start();
    });
  }

  it.each<[string, IetfOptions]>([
    ['draft 05', { protocol: 'ietf-draft-05' }],
    [
      'draft 05, with the first bytes in its creation',
      { protocol: 'ietf-draft-05', uploadDataDuringCreation: true, chunkSize: 1_000_000 },
    ],
    ['draft 03', { protocol: 'ietf-draft-03' }],
    ['draft 03, in chunks', { protocol: 'ietf-draft-03', chunkSize: 1_000_000 }],
  ])('uploads a file once, and whole: %s', async (_, options) => {
    const before = { cuts: relay.cuts, files: await contents() };
    const [url, ietf] = [await upload(options), new IetfRequests(running, token)];
    // Where a question was answered with the last offset, nobody has waited for the file's place.
    await eventually(async () => {
      expect(progressIn(await ietf.head(url))).toEqual([204, '?1', String(SIZE)]);
    });
    const receipt = await ietf.receiptOf(url);
    expect(receipt.body).toMatchObject({ status: 'active', size: SIZE, checksum });
    expect(relay.cuts).toBeGreaterThan(before.cuts + 2);
    expect(await contents()).toBe(before.files + 1);
  });

  const contents = async (): Promise<number> =>
    (await storedPaths(running.dataDir)).filter((path) => path.endsWith('.content')).length;
});
