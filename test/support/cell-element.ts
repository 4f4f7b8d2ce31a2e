import { DOUBLE_IDENTITY, S3Double } from './s3-double/s3-double.js';
import type { S3Fault } from './s3-double/s3-faults.js';
import type { StorageElementServer } from './storage-element-server.js';

const MIB = 1024 * 1024;
const PREFIX = 'cell';

/** A file as an element of the fault matrix has it. */
export interface CellFile {
  readonly fileId: string;
  readonly filename: string;
  readonly sha256: string;
}

/** An element of the fault matrix, whatever its driver. */
export interface CellElement {
  /** What stands of it in `STORAGE_ELEMENTS`, beside id, mode and priority. */
  readonly entry: object;
  readonly files: readonly CellFile[];
  /** Is it still reading a file, or has it parts of one? */
  readonly isBusy: boolean;
  close(): Promise<void>;
}

/** An element behind HTTP, which is called at `url` where that is another one than its own. */
export function serverElement(server: StorageElementServer, url = server.url): CellElement {
  return {
    entry: { driver: 'http', url },
    get files() {
      return [...server.files.values()].map(({ fileId, filename, sha256 }) => {
        return { fileId, filename, sha256 };
      });
    },
    get isBusy() {
      return server.uploads.some(({ state }) => state === 'receiving');
    },
    close: () => server.close(),
  };
}

/** A bucket whose store does what is wrong with it, with every request that a fault is for. */
export async function bucketElement(faults: readonly S3Fault[]): Promise<CellElement> {
  const double = await S3Double.start();
  double.faults.push(...faults.map((fault) => ({ ...fault, times: Infinity })));
  const { bucketName: bucket, region } = double.options;
  return {
    entry: {
      driver: 's3',
      endpoint: double.url,
      bucket,
      region,
      prefix: PREFIX,
      partSize: 5 * MIB,
      credentials: DOUBLE_IDENTITY,
    },
    get files() {
      return Array.from(double.bucket.stored)
        .filter(([key]) => !key.endsWith('.json'))
        .map(([key, { headers, sha256 }]) => {
          const filename = headers['x-amz-meta-filename'] ?? '';
          return { fileId: key.slice(PREFIX.length + 1), filename, sha256 };
        });
    },
    get isBusy() {
      return double.bucket.uploads.size > 0;
    },
    close: () => double.close(),
  };
}
