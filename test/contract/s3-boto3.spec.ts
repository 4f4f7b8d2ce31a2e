import { execFile, spawnSync } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import { bodyOf, describedFile, randomSource } from '../support/file-bodies.js';
import { DOUBLE_IDENTITY } from '../support/s3-double/s3-double.js';
import { PART_BYTES, s3ElementFixture } from './s3-element-fixture.js';

const READ = `
import boto3, hashlib, json, sys
from urllib.parse import unquote
endpoint, region, bucket, key = sys.argv[1:5]
s3 = boto3.client("s3", endpoint_url=endpoint, region_name=region)
found = s3.get_object(Bucket=bucket, Key=key)
meta = {name: unquote(value) for name, value in found["Metadata"].items()}
print(json.dumps({"sha256": hashlib.sha256(found["Body"].read()).hexdigest(), "type": found["ContentType"], "meta": meta}))
`;

const hasBoto3 = spawnSync('python3', ['-c', 'import boto3'], { timeout: 60_000 }).status === 0;

const describeWithBoto3 = hasBoto3 ? describe : describe.skip;

describeWithBoto3('boto3 at a store of the S3 driver', () => {
  const s3 = s3ElementFixture();

  it.each([1000, 12 * PART_BYTES])('reads names, metadata and bytes of a file of %d bytes', async (size) => {
    const file = describedFile({
      originalFilename: 'résumé – 履歴書.pdf',
      tags: ['ä'],
      metadata: { author: 'Zoë' },
    });
    const stored = await s3.elementWith().put(file, bodyOf(randomSource(size)), new AbortController().signal);
    const { options, url } = s3.double;
    const env = {
      ...process.env,
      AWS_ACCESS_KEY_ID: DOUBLE_IDENTITY.accessKeyId,
      AWS_SECRET_ACCESS_KEY: DOUBLE_IDENTITY.secretAccessKey,
    };
    const argv = ['-c', READ, url, options.region, options.bucketName, `in/here/${file.fileId}`];
    const { stdout } = await promisify(execFile)('python3', argv, { env, timeout: 60_000 });
    const { sha256, type, meta } = JSON.parse(stdout) as {
      sha256: string;
      type: string;
      meta: Record<string, string>;
    };
    expect([sha256, type]).toEqual([stored.sha256, file.contentType]);
    expect(meta).toMatchObject({ filename: file.originalFilename, 'uploaded-by': 'alice', tags: '["ä"]' });
    expect(JSON.parse(meta['metadata'] ?? '')).toEqual(file.metadata);
  });
});
