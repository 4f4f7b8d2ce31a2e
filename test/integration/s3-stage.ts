import { afterEach } from '@jest/globals';
import { filesIn } from '../contract/s3-element-fixture.js';
import { type AcceptingService, EMBEDDED, startAccepting } from '../support/accepted-service.js';
import { filePart, MULTIPART_TYPE, multipart } from '../support/multipart.js';
import { DOUBLE_IDENTITY, S3Double, type S3DoubleOptions } from '../support/s3-double/s3-double.js';
import type { S3Fault } from '../support/s3-double/s3-faults.js';

export const MIB = 1024 * 1024;

/** The least that a part may have. */
const PART_BYTES = 5 * MIB;

const PREFIX = 'in/here';

/** All that a delivery asks a bucket for. */
const OPERATIONS = [
  'HeadBucket',
  'PutObject',
  'HeadObject',
  'GetObject',
  'DeleteObject',
  'CreateMultipartUpload',
  'UploadPart',
  'ListParts',
  'CompleteMultipartUpload',
  'AbortMultipartUpload',
];

/** An entry of `STORAGE_ELEMENTS` for the bucket of a double. */
export function s3Entry({ url, options }: S3Double, members: object = {}): object {
  return {
    id: 's3',
    driver: 's3',
    mode: 'edit',
    priority: 1,
    bucket: options.bucketName,
    region: options.region,
    endpoint: url,
    prefix: PREFIX,
    partSize: PART_BYTES,
    credentials: DOUBLE_IDENTITY,
    ...members,
  };
}

/** What does this with every request until it is taken out of the faults again. */
export function alwaysFaults(does: S3Fault['does']): S3Fault[] {
  return OPERATIONS.map((on) => ({ on, times: Infinity, does }));
}

/** The bytes of the file `id`; undefined where the bucket has none. */
export function bytesAt({ bucket }: S3Double, id: string): Buffer | undefined {
  return bucket.objects.get(`${PREFIX}/${id}`)?.bytes;
}

/** Numbers of the parts that were sent, in their order. */
export function partsSent({ requests }: S3Double): number[] {
  return requests
    .flatMap(({ operation, partNumber }) => (operation === 'UploadPart' ? [partNumber ?? 0] : []))
    .toSorted((one, other) => one - other);
}

/** Sends a form; without `Content-Length` where it is `chunked`. */
export function postForm(
  service: AcceptingService,
  bytes: Buffer,
  { chunked = false, name = 'a.txt' } = {},
): Promise<Response> {
  const form = new Uint8Array(multipart([filePart(bytes, name)]));
  const headers = { 'content-type': MULTIPART_TYPE };
  return service.call('/api/v1/files/upload', { method: 'POST', headers, ...bodyOf(form, chunked) });
}

/** Sends the bytes as they are; without `Content-Length` where they are `chunked`. */
export function putBytes(
  service: AcceptingService,
  id: string,
  bytes: Buffer,
  { chunked = false, headers = {} } = {},
): Promise<Response> {
  return service.call(`/api/v1/files/${id}`, {
    method: 'PUT',
    headers,
    ...bodyOf(new Uint8Array(bytes), chunked),
  });
}

function bodyOf(bytes: Uint8Array<ArrayBuffer>, chunked: boolean): RequestInit {
  return { body: chunked ? new Blob([bytes]).stream() : bytes, duplex: 'half' } as RequestInit;
}

export interface S3Stage {
  /** Starts a store. */
  store(options?: Partial<S3DoubleOptions>): Promise<S3Double>;
  /** Starts the service with these elements. */
  service(elements: readonly object[], variables?: Record<string, string>): Promise<AcceptingService>;
  /** What is closed after the test, the last one first. */
  later(close: () => Promise<unknown>): void;
}

/** Closes after each test of a block what was started in it. */
export function s3Stage(): S3Stage {
  const closing: (() => Promise<unknown>)[] = [];
  const later: S3Stage['later'] = (close) => void closing.push(close);

  afterEach(async () => {
    for (const close of closing.splice(0).toReversed()) await close();
  });

  return {
    later,
    store: async (options = {}) => {
      const double = await S3Double.start(options);
      later(() => double.close());
      return double;
    },
    service: async (elements, variables = {}) => {
      const service = await startAccepting({
        STORAGE_ELEMENTS: JSON.stringify(elements),
        SHUTDOWN_GRACE_MS: '0',
        ...EMBEDDED,
        ...variables,
      });
      later(() => service.close());
      return service;
    },
  };
}

/** The only file that a store has. @throws Error where it is not one */
export function onlyFileIn(double: S3Double): { size: number; sha256: string } {
  const [file, ...others] = filesIn(double);
  if (!file || others.length > 0) throw new Error(`the bucket has ${filesIn(double).length} files`);
  return file;
}
