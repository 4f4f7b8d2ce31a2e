import { describe, expect, it } from '@jest/globals';
import { s3SettingsSchema } from './s3-settings.js';

const LEAST = { bucket: 'files', region: 'eu-central-1' };

describe('the settings of an S3 element', () => {
  it('needs a bucket and a region', () => {
    expect(s3SettingsSchema.parse(LEAST)).toEqual({
      ...LEAST,
      checksum: 'none',
      partSize: 16 * 1024 * 1024,
      concurrentParts: 4,
    });
  });

  it.each([
    ['bucket', { bucket: 'Files' }],
    ['bucket', { bucket: 'a/b' }],
    ['region', { region: '' }],
    ['endpoint', { endpoint: 'minio:9000' }],
    ['prefix', { prefix: '/in' }],
    ['prefix', { prefix: 'in/' }],
    ['prefix', { prefix: 'in/../out' }],
    ['prefix', { prefix: 'in//here' }],
    ['prefix', { prefix: 'in here' }],
    ['checksum', { checksum: 'sha1' }],
    ['partSize', { partSize: 1024 }],
    ['concurrentParts', { concurrentParts: 0 }],
    ['kmsKeyId', { kmsKeyId: 'a', serverSideEncryption: 'AES256' }],
    ['profile', { profile: 'a', credentials: { accessKeyId: 'a', secretAccessKey: 'b' } }],
    ['credentials', { credentials: { accessKeyId: 'a' } }],
  ])('names a wrong %s', (member, wrong) => {
    const { error } = s3SettingsSchema.safeParse({ ...LEAST, ...wrong });
    expect(error?.issues.map(({ path }) => path[0])).toEqual([member]);
  });

  it.each(['in', 'in/here', 'a.b/c_d/(e)'])('takes the prefix %s', (prefix) => {
    expect(s3SettingsSchema.parse({ ...LEAST, prefix }).prefix).toBe(prefix);
  });
});
