import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { Pool } from 'undici';
import { parseKeepingNumbers } from '../../src/errors/json-numbers.js';
import { S3Client } from '../../src/storage/drivers/s3/s3-client.js';
import { credentialsOf } from '../../src/storage/drivers/s3/s3-credentials.js';
import { S3Endpoint } from '../../src/storage/drivers/s3/s3-endpoint.js';
import { S3Signer } from '../../src/storage/drivers/s3/s3-signer.js';
import { DOUBLE_IDENTITY } from '../support/s3-double/s3-double.js';
import { bodyOf, bodyOfBytes, describedFile, randomSource, wholeBody } from '../support/file-bodies.js';
import { endedRangedBody } from '../support/ranged-bodies.js';
import { filesIn, leftIn, LIMITS, PART_BYTES, s3ElementFixture } from './s3-element-fixture.js';

const never = new AbortController().signal;

/** It is begun long before its end has come. */
const LARGE_BYTES = 12 * PART_BYTES;

describe('S3StorageElement in the bucket', () => {
  const s3 = s3ElementFixture();

  it('keeps a file under its id, and says all of it in its metadata', async () => {
    const file = describedFile({
      originalFilename: 'прайс "A".pdf',
      contentType: 'application/pdf',
      tags: ['ä', 'b'],
    });
    const body = wholeBody('hello');
    await s3.elementWith().put(file, body, never);
    const [[key, object] = []] = s3.double.bucket.stored;
    expect(key).toBe(`in/here/${file.fileId}`);
    expect(object?.headers).toEqual({
      'content-type': 'application/pdf',
      'content-disposition': `attachment; filename="_____ _A_.pdf"; filename*=UTF-8''%D0%BF%D1%80%D0%B0%D0%B9%D1%81%20%22A%22.pdf`,
      'x-amz-meta-attempt': expect.stringMatching(/^[0-9a-f]{32}$/),
      'x-amz-meta-sha256': body.digest().sha256,
      'x-amz-meta-size': '5',
      'x-amz-meta-filename': '%D0%BF%D1%80%D0%B0%D0%B9%D1%81%20"A".pdf',
      'x-amz-meta-uploaded-by': 'alice',
      'x-amz-meta-uploaded-by-username': 'Alice',
      'x-amz-meta-uploaded-at': '2026-11-20T10:00:00.000Z',
      'x-amz-meta-retention-policy': 'temporary',
      'x-amz-meta-ttl-days': '30',
      'x-amz-meta-tags': '["%C3%A4","b"]',
      'x-amz-meta-metadata': '{}',
    });
  });

  it.each([
    [
      'of few words',
      { description: 'eins\nzwei %41  drei', tags: ['ü', ' a '], metadata: { '☃': ['x'], n: null } },
    ],
    [
      'of many',
      { description: 'ß'.repeat(900), tags: ['x'.repeat(1000)], metadata: { note: 'y'.repeat(5000) } },
    ],
    [
      'with numbers of any length',
      { metadata: Object(parseKeepingNumbers('{"id":1546130668394913822,"p":1.10}')) },
    ],
  ])('remembers what was said of a file %s', async (_what, about) => {
    const element = s3.elementWith();
    for (const size of [10, LARGE_BYTES]) {
      const file = describedFile(about);
      const stored = await element.put(file, bodyOf(randomSource(size)), never);
      const { description, tags, metadata, retentionPolicy, ttlDays } = file;
      const known = await element.stat(file.fileId);
      expect(known).toEqual(stored);
      expect(known?.remembered).toEqual({ description, tags, metadata, retentionPolicy, ttlDays });
      expect(JSON.stringify(known?.remembered?.metadata)).toBe(JSON.stringify(metadata));
      expect(known?.originalFilename).toBe('a.txt');
    }
  });

  it('writes a companion only where the object cannot say all, before the file is there', async () => {
    const element = s3.elementWith();
    await element.put(describedFile(), bodyOfBytes('small'), never);
    expect(s3.double.bucket.stored.size).toBe(1);
    const file = describedFile();
    await element.put(file, bodyOf(randomSource(LARGE_BYTES)), never);
    const companion = s3.double.requests.findIndex(({ key }) => key.endsWith('.json'));
    const complete = s3.double.requests.findIndex(({ operation }) => operation === 'CompleteMultipartUpload');
    expect(companion).toBeGreaterThan(0);
    expect(companion).toBeLessThan(complete);
    expect(s3.double.bucket.stored.size).toBe(3);
    await element.remove(file.fileId);
    expect(s3.double.bucket.stored.size).toBe(1);
  });

  it('needs none for a large file whose digest is known before', async () => {
    const element = s3.elementWith();
    const ranged = await endedRangedBody(randomBytes(2 * PART_BYTES));
    await element.put(describedFile(), ranged.body, never);
    expect(s3.double.bucket.stored.size).toBe(1);
    await ranged.dispose();
  });

  it('knows a file without its companion as far as the object says', async () => {
    const element = s3.elementWith();
    const file = describedFile();
    await element.put(file, bodyOf(randomSource(LARGE_BYTES)), never);
    for (const key of s3.double.bucket.objects.keys())
      if (key.endsWith('.json')) s3.double.bucket.objects.delete(key);
    expect(await element.stat(file.fileId)).toMatchObject({
      size: LARGE_BYTES,
      originalFilename: 'a.txt',
      sha256: undefined,
    });
  });

  it('does not take a damaged companion for a missing file', async () => {
    const element = s3.elementWith();
    const file = describedFile();
    await element.put(file, bodyOf(randomSource(LARGE_BYTES)), never);
    for (const [key, object] of s3.double.bucket.stored) {
      const bytes = Buffer.from('{"file_id":');
      if (key.endsWith('.json')) s3.double.bucket.objects.set(key, { ...object, bytes, size: bytes.length });
    }
    await expect(element.stat(file.fileId)).rejects.toMatchObject({ code: 'STORAGE_FAILED' });
  });

  it('gives what another program has put there', async () => {
    const { fileId } = describedFile();
    s3.double.bucket.put(`in/here/${fileId}`, Buffer.from('foreign'), { 'content-type': 'text/csv' }, false);
    const found = await s3.elementWith().stat(fileId);
    expect(found).toMatchObject({ fileId, size: 7, contentType: 'text/csv' });
    expect([found?.sha256, found?.remembered]).toEqual([undefined, undefined]);
  });

  it('keeps what a companion says of a file that another attempt wanted to store', async () => {
    const element = s3.elementWith();
    const file = describedFile();
    const first = await element.put(file, bodyOf(randomSource(LARGE_BYTES)), never);
    await expect(element.put(file, bodyOf(randomSource(LARGE_BYTES + 1)), never)).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    expect(await element.stat(file.fileId)).toEqual(first);
  });

  it('knows the id in whatever case', async () => {
    const element = s3.elementWith();
    const file = describedFile();
    await element.put({ ...file, fileId: file.fileId.toUpperCase() }, bodyOfBytes('x'), never);
    expect(await element.stat(file.fileId)).toMatchObject({ fileId: file.fileId });
    await expect(element.put(file, bodyOfBytes('y'), never)).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  it('refuses an id that is no UUID, and asks nobody', async () => {
    const element = s3.elementWith();
    for (const fileId of ['../evil', 'a/b', '', `${describedFile().fileId}.json`]) {
      await expect(element.put(describedFile({ fileId }), bodyOfBytes('x'), never)).rejects.toMatchObject({
        code: 'VALIDATION_ERROR',
      });
      expect(await element.stat(fileId)).toBeUndefined();
    }
    expect(s3.double.requests).toEqual([]);
  });
});

describe('S3StorageElement by its settings', () => {
  const s3 = s3ElementFixture();

  it('asks for storage class and encryption, of the companion as well', async () => {
    const element = s3.elementWith({
      storageClass: 'STANDARD_IA',
      serverSideEncryption: 'aws:kms',
      kmsKeyId: 'key/1',
    });
    await element.put(describedFile(), bodyOf(randomSource(LARGE_BYTES)), never);
    const asked = s3.double.requests.filter(
      ({ operation, key }) => operation === 'CreateMultipartUpload' || key.endsWith('.json'),
    );
    expect(asked).toHaveLength(2);
    for (const { headers } of asked) {
      expect(headers).toMatchObject({
        'x-amz-storage-class': 'STANDARD_IA',
        'x-amz-server-side-encryption': 'aws:kms',
        'x-amz-server-side-encryption-aws-kms-key-id': 'key/1',
      });
    }
  });

  it.each([
    ['md5', 'content-md5', 16],
    ['sha256', 'x-amz-checksum-sha256', 32],
    ['crc64nvme', 'x-amz-checksum-crc64nvme', 8],
  ] as const)('sends the checksum %s of a file and of each part', async (checksum, header, length) => {
    const element = s3.elementWith({ checksum });
    await element.put(describedFile(), bodyOfBytes('hello'), never);
    await element.put(describedFile(), bodyOf(randomSource(LARGE_BYTES)), never);
    const withBytes = s3.double.requests.filter(({ operation }) =>
      /^(PutObject|UploadPart)$/.test(operation),
    );
    // Two that try out conditions, a small file, parts, and a companion.
    expect(withBytes).toHaveLength(2 + 1 + 12 + 1);
    for (const { headers } of withBytes) {
      expect(Buffer.from(String(headers[header]), 'base64')).toHaveLength(length);
    }
    expect(filesIn(s3.double)).toHaveLength(2);
    expect(leftIn(s3.double)).toEqual([]);
  });

  it('sends none by itself, and never a streaming signature', async () => {
    await s3.elementWith().put(describedFile(), bodyOf(randomSource(LARGE_BYTES)), never);
    for (const { headers } of s3.double.requests) {
      expect(Object.keys(headers).filter((name) => /checksum|md5|trailer/.test(name))).toEqual([]);
      expect(headers['x-amz-content-sha256']).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  it('asks the bucket as a host', async () => {
    const endpoint = new S3Endpoint({
      bucket: 'files',
      region: 'eu-test-1',
      endpoint: 'http://s3.test',
      pathStyle: false,
    });
    const pool = new Pool(s3.double.url);
    const client = new S3Client({
      dispatcher: () => pool,
      endpoint,
      signer: new S3Signer(endpoint, 'eu-test-1'),
      credentials: credentialsOf({ region: 'eu-test-1', credentials: DOUBLE_IDENTITY }),
      limits: LIMITS,
      region: 'eu-test-1',
      elementId: 's3',
    });
    const answer = await client.send({ operation: 'HeadObject', method: 'HEAD', key: 'a b/ü' }, never);
    expect([answer.status, s3.double.requests.at(-1)?.key]).toEqual([404, 'a b/ü']);
    expect(s3.double.requests.at(-1)?.headers.host).toBe('files.s3.test');
    await pool.close();
  });

  it('does without a prefix', async () => {
    const file = describedFile();
    await s3.elementWith({ prefix: undefined }).put(file, bodyOfBytes('hello'), never);
    expect([...s3.double.bucket.stored.keys()]).toEqual([file.fileId]);
  });
});
