import type { S3Settings } from '../../src/storage/drivers/s3/s3-settings.js';
import { S3StorageElement } from '../../src/storage/drivers/s3/s3-storage-element.js';
import { MIB } from '../support/file-bodies.js';
import { S3Double, type S3DoubleOptions } from '../support/s3-double/s3-double.js';
import { filesIn, leftIn, LIMITS, settingsFor } from './s3-element-fixture.js';
import { storageElementContract, type Subject } from './storage-element.contract.js';

async function createSubject(
  settings: Partial<S3Settings>,
  options: Partial<S3DoubleOptions> = {},
): Promise<Subject> {
  const double = await S3Double.start(options);
  const element = new S3StorageElement({
    id: 's3',
    settings: settingsFor(double, { partSize: 5 * MIB, ...settings }),
    limits: LIMITS,
  });
  return {
    element,
    finishedFiles: () => Promise.resolve(filesIn(double)),
    takenBytes: () => double.bytesRead,
    leftOvers: () => Promise.resolve(leftIn(double)),
    breakDown: () => double.close(),
    dispose: async () => {
      await element.close();
      await double.close();
    },
  };
}

storageElementContract('S3StorageElement', () => createSubject({}));
storageElementContract('S3StorageElement with SHA-256 checksums and no prefix', () =>
  createSubject({ checksum: 'sha256', prefix: undefined }),
);
