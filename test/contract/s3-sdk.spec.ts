import { hash, randomBytes, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { S3StorageElement } from '../../src/storage/drivers/s3/s3-storage-element.js';
import { bodyOf, describedFile, MIB, randomSource, wholeBody } from '../support/file-bodies.js';
import { DOUBLE_IDENTITY, S3Double } from '../support/s3-double/s3-double.js';
import {
  bytesOf,
  hasRealStore,
  openRealStore,
  type RealStore,
  sdkFor,
  uploadsUnder,
} from '../support/s3-real-store.js';
import { LIMITS } from './s3-element-fixture.js';

const never = new AbortController().signal;

async function double(): Promise<RealStore> {
  const store = await S3Double.start();
  const { bucketName: bucket, region } = store.options;
  return { endpoint: store.url, bucket, region, credentials: DOUBLE_IDENTITY, close: () => store.close() };
}

const stores: [string, () => Promise<RealStore>][] = hasRealStore()
  ? [['a real store', openRealStore]]
  : [['the double', double]];

describe.each(stores)('@aws-sdk/client-s3 beside the S3 driver, at %s', (_name, open) => {
  let store: RealStore;
  let sdk: S3Client;
  let element: S3StorageElement;
  let prefix: string;

  beforeEach(async () => {
    store = await open();
    sdk = sdkFor(store);
    prefix = `sdk-${randomUUID()}`;
    const { endpoint, bucket, region, credentials } = store;
    const parts = { partSize: 5 * MIB, concurrentParts: 4, checksum: 'none' } as const;
    const settings = { endpoint, bucket, region, prefix, credentials, ...parts };
    element = new S3StorageElement({ id: 's3', settings, limits: LIMITS });
  });

  afterEach(async () => {
    await element.close();
    sdk.destroy();
    await store.close();
  });

  it.each([
    ['small', 1000],
    ['large', 11 * MIB],
  ])('reads a %s file that the driver wrote', async (_what, size) => {
    const name = 'résumé – 履歴書 "1"; 100%.pdf';
    const metadata = { author: 'Zoë', n: 7 };
    const file = describedFile({
      originalFilename: name,
      contentType: 'application/pdf',
      tags: ['ä'],
      metadata,
    });
    const stored = await element.put(file, bodyOf(randomSource(size)), never);
    const asked = { Bucket: store.bucket, Key: `${prefix}/${file.fileId}` };
    const head = await sdk.send(new HeadObjectCommand(asked));
    expect([head.ContentLength, head.ContentType]).toEqual([size, 'application/pdf']);
    expect(head.ContentDisposition).toContain(`filename*=UTF-8''${encodeURIComponent(name)}`);
    expect(decodeURIComponent(head.Metadata?.['filename'] ?? '')).toBe(name);
    expect(JSON.parse(decodeURIComponent(head.Metadata?.['metadata'] ?? ''))).toEqual(metadata);
    const bytes = await bytesOf(sdk, store.bucket, asked.Key);
    expect(bytes).toHaveLength(size);
    expect(hash('sha256', bytes)).toBe(stored.sha256);
  });

  it('has the driver know and remove what it wrote, as a whole and in parts', async () => {
    const [one, two] = [randomUUID(), randomUUID()];
    const at = (id: string) => ({ Bucket: store.bucket, Key: `${prefix}/${id}` });
    await sdk.send(new PutObjectCommand({ ...at(one), Body: 'hello', ContentType: 'text/csv' }));
    const { UploadId } = await sdk.send(
      new CreateMultipartUploadCommand({ ...at(two), ContentType: 'image/png' }),
    );
    const Part = { ...at(two), UploadId, PartNumber: 1, Body: randomBytes(100) };
    const { ETag } = await sdk.send(new UploadPartCommand(Part));
    const MultipartUpload = { Parts: [{ PartNumber: 1, ETag }] };
    await sdk.send(new CompleteMultipartUploadCommand({ ...at(two), UploadId, MultipartUpload }));
    expect(await element.stat(one)).toMatchObject({ size: 5, contentType: 'text/csv' });
    expect(await element.stat(two)).toMatchObject({ size: 100, contentType: 'image/png' });
    for (const id of [one, two]) {
      await element.remove(id);
      expect(await element.stat(id)).toBeUndefined();
    }
  });

  it('does not overwrite what the driver wrote, nor the other way round', async () => {
    const file = describedFile();
    const asked = { Bucket: store.bucket, Key: `${prefix}/${file.fileId}` };
    await element.put(file, wholeBody('ours'), never);
    const put = sdk.send(new PutObjectCommand({ ...asked, Body: 'theirs', IfNoneMatch: '*' }));
    await expect(put).rejects.toMatchObject({ name: 'PreconditionFailed' });
    const { Body } = await sdk.send(new GetObjectCommand(asked));
    expect(await Body?.transformToString()).toBe('ours');
    const other = describedFile();
    await sdk.send(new PutObjectCommand({ ...asked, Key: `${prefix}/${other.fileId}`, Body: 'theirs' }));
    await expect(element.put(other, wholeBody('ours'), never)).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(element.put(other, bodyOf(randomSource(6 * MIB)), never)).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    expect(await element.stat(other.fileId)).toMatchObject({ size: 6 });
  });

  it('has the driver go on with parts that it has sent', async () => {
    const file = describedFile();
    const asked = { Bucket: store.bucket, Key: `${prefix}/${file.fileId}` };
    const bytes = randomBytes(11 * MIB);
    const { UploadId: uploadId = '' } = await sdk.send(
      new CreateMultipartUploadCommand({ ...asked, Metadata: { attempt: 'one' } }),
    );
    const first = { PartNumber: 1, Body: bytes.subarray(0, 5 * MIB) };
    await sdk.send(new UploadPartCommand({ ...asked, ...first, UploadId: uploadId }));
    const state = { key: asked.Key, uploadId, attempt: 'one', partBytes: 5 * MIB, hasCompanion: false };
    const saved: (string | undefined)[] = [];
    const checkpoint = {
      load: () => JSON.stringify(state),
      save: (text: string | undefined) => Promise.resolve(void saved.push(text)),
    };
    const body = bodyOf(Readable.from([bytes], { objectMode: false }), bytes.length);
    await element.put(file, body, never, checkpoint);
    expect(saved).toEqual([undefined]);
    expect((await bytesOf(sdk, store.bucket, asked.Key)).equals(bytes)).toBe(true);
    expect(await uploadsUnder(sdk, store.bucket, prefix)).toEqual([]);
  });

  it('has the driver clear up what it left unfinished', async () => {
    const id = randomUUID();
    await sdk.send(new CreateMultipartUploadCommand({ Bucket: store.bucket, Key: `${prefix}/${id}` }));
    const told: unknown[] = [];
    for await (const outcome of element.removeOrphans(-60_000, never)) told.push(outcome);
    expect(told).toEqual([{ kind: 'removed', fileId: id }]);
  });
});
