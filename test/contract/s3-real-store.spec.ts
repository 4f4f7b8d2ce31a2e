import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll } from '@jest/globals';
import type { S3Settings } from '../../src/storage/drivers/s3/s3-settings.js';
import { S3StorageElement } from '../../src/storage/drivers/s3/s3-storage-element.js';
import { MIB } from '../support/file-bodies.js';
import {
  bytesOf,
  keysUnder,
  openRealStore,
  type RealStore,
  sdkFor,
  uploadsUnder,
} from '../support/s3-real-store.js';
import { TcpRelay } from '../support/tcp-relay.js';
import { LIMITS } from './s3-element-fixture.js';
import { storageElementContract, type Subject } from './storage-element.contract.js';

/** An element at a real store, with a prefix of its own. */
async function createSubject(store: RealStore, checksum: S3Settings['checksum']): Promise<Subject> {
  const relay = await TcpRelay.to(store.endpoint);
  const prefix = `test-${randomUUID()}`;
  const sdk = sdkFor(store);
  const { bucket, region, credentials } = store;
  const element = new S3StorageElement({
    id: 's3',
    settings: {
      bucket,
      region,
      credentials,
      prefix,
      checksum,
      endpoint: relay.url,
      partSize: 5 * MIB,
      concurrentParts: 4,
    },
    limits: LIMITS,
  });
  const keys = async (): Promise<string[]> =>
    (await keysUnder(sdk, bucket, prefix)).filter((key) => !key.endsWith('.ingester-probe'));
  return {
    element,
    finishedFiles: async () =>
      Promise.all(
        (await keys())
          .filter((key) => !key.endsWith('.json'))
          .map(async (key) => {
            const bytes = await bytesOf(sdk, bucket, key);
            return { size: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
          }),
      ),
    takenBytes: () => relay.bytesPassed,
    leftOvers: async () => {
      const all = await keys();
      const alone = all.filter(
        (key) => key.endsWith('.json') && !all.includes(key.replace(/\.[0-9a-f]+\.json$/, '')),
      );
      return [...alone, ...(await uploadsUnder(sdk, bucket, prefix))];
    },
    breakDown: () => relay.close(),
    dispose: async () => {
      await element.close();
      await relay.close();
      sdk.destroy();
    },
  };
}

let opened: RealStore | undefined;

const store = (): RealStore => {
  if (!opened) throw new Error('the store runs only during a test');
  return opened;
};

beforeAll(async () => {
  opened = await openRealStore();
});

afterAll(() => opened?.close());

for (const checksum of ['none', 'md5', 'sha256', 'crc64nvme'] as const) {
  storageElementContract(`S3StorageElement at a real store with checksum ${checksum}`, () =>
    createSubject(store(), checksum),
  );
}
