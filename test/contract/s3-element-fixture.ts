import { afterEach, beforeEach } from '@jest/globals';
import { type S3ElementOptions, S3StorageElement } from '../../src/storage/drivers/s3/s3-storage-element.js';
import type { S3Limits, S3Settings } from '../../src/storage/drivers/s3/s3-settings.js';
import type { ContentDigest } from '../../src/storage/storage-element.js';
import { DOUBLE_IDENTITY, S3Double, type S3DoubleOptions } from '../support/s3-double/s3-double.js';

const KIB = 1024;

/** Limits with which nothing times out by chance. */
export const LIMITS: S3Limits = {
  connectMs: 10_000,
  stallMs: 30_000,
  minBytesPerSecond: 0,
  rateWindowMs: 5000,
  commitMs: 30_000,
  requestMs: 30_000,
  maxConnections: 32,
  maxFileBytes: 10_000 * 64 * KIB,
  orphanAgeMs: 86_400_000,
};

/** Small parts, so that a test needs no large files. */
export const PART_BYTES = 64 * KIB;

export function settingsFor(double: S3Double, members: Partial<S3Settings> = {}): S3Settings {
  return {
    bucket: double.options.bucketName,
    region: double.options.region,
    endpoint: double.url,
    prefix: 'in/here',
    checksum: 'none',
    partSize: PART_BYTES,
    concurrentParts: 4,
    credentials: DOUBLE_IDENTITY,
    ...members,
  };
}

/** The files among the objects of a double, as they are. */
export function filesIn({ bucket }: S3Double): ContentDigest[] {
  return Array.from(bucket.stored)
    .filter(([key]) => !key.endsWith('.json'))
    .map(([, { size, sha256 }]) => ({ size, sha256 }));
}

/** What is in a double beside finished files and their companions. */
export function leftIn({ bucket }: S3Double): string[] {
  const companions = Array.from(bucket.objects.keys()).filter((key) => key.endsWith('.json'));
  const alone = companions.filter((key) => {
    const attempt = key.slice(-'.json'.length - 32, -'.json'.length);
    const file = bucket.objects.get(key.slice(0, -'.json'.length - 33));
    return file?.headers['x-amz-meta-attempt'] !== attempt;
  });
  return [...alone, ...Array.from(bucket.uploads.values(), ({ key }) => `parts of ${key}`)];
}

export interface S3ElementFixture {
  /** A new one for each test. */
  readonly double: S3Double;
  /** Makes a driver for it that is closed after the test. */
  elementWith(settings?: Partial<S3Settings>, options?: Partial<S3ElementOptions>): S3StorageElement;
}

/** Starts a store for each test of the block in which it is called. */
export function s3ElementFixture(options: Partial<S3DoubleOptions> = {}): S3ElementFixture {
  let double: S3Double | undefined;
  const opened: S3StorageElement[] = [];
  const running = (): S3Double => {
    if (!double) throw new Error('the store runs only during a test');
    return double;
  };

  beforeEach(async () => {
    double = await S3Double.start({ minPartBytes: PART_BYTES, ...options });
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((element) => element.close()));
    await double?.close();
  });

  return {
    get double() {
      return running();
    },
    elementWith: (settings = {}, elementOptions = {}) => {
      const element = new S3StorageElement({
        id: 's3',
        settings: settingsFor(running(), settings),
        limits: LIMITS,
        ...elementOptions,
      });
      opened.push(element);
      return element;
    },
  };
}
