import type { IncomingHttpHeaders } from 'node:http';
import { DoubleBucket, type NamedPart } from './double-bucket.js';
import { keptChecksum, keptHeaders } from './double-payload.js';
import { S3Refusal, xml } from './s3-refusal.js';

/** A request as the double understands it. */
export interface DoubleRequest {
  readonly operation: string;
  readonly method: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly partNumber?: number;
}

export interface DoubleAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Bytes of the object, where those of the body are others. */
  readonly size?: number;
}

export interface OperationRules {
  readonly ignoresConditions: boolean;
  /** Most entries of one page. */
  readonly pageSize: number;
}

/** Says what S3 calls the request. */
export function operationOf(method: string, key: string, query: URLSearchParams): string {
  const ofBucket: Record<string, string> = {
    HEAD: 'HeadBucket',
    GET: query.has('uploads') ? 'ListMultipartUploads' : 'ListObjectsV2',
  };
  const ofUpload: Record<string, string> = {
    PUT: 'UploadPart',
    GET: 'ListParts',
    POST: 'CompleteMultipartUpload',
    DELETE: 'AbortMultipartUpload',
  };
  const ofObject: Record<string, string> = {
    HEAD: 'HeadObject',
    GET: 'GetObject',
    PUT: 'PutObject',
    DELETE: 'DeleteObject',
    POST: 'CreateMultipartUpload',
  };
  return (key === '' ? ofBucket : query.has('uploadId') ? ofUpload : ofObject)[method] ?? 'Unknown';
}

/** What an operation needs. */
interface Ask {
  readonly bucket: DoubleBucket;
  readonly request: DoubleRequest;
  readonly bytes: Buffer;
  readonly rules: OperationRules;
  readonly ifAbsent: boolean;
  readonly uploadId: string;
}

const OPERATIONS: Readonly<Record<string, (ask: Ask) => DoubleAnswer>> = {
  // Without a length the client could not keep the connection.
  HeadBucket: () => ({ status: 200, headers: { 'content-length': '0' } }),
  PutObject: ({ bucket, request, bytes, ifAbsent }) => {
    const { etag } = bucket.put(request.key, bytes, keptHeaders(request.headers), ifAbsent);
    return { status: 200, headers: { etag } };
  },
  HeadObject: ({ bucket, request }) => objectAnswer(bucket, request.key),
  GetObject: ({ bucket, request }) => objectAnswer(bucket, request.key),
  DeleteObject: ({ bucket, request }) => {
    bucket.objects.delete(request.key);
    return { status: 204 };
  },
  ListObjectsV2: ({ bucket, request }) =>
    xmlAnswer({ ListBucketResult: { Contents: keysOf(bucket, request.query) } }),
  CreateMultipartUpload: ({ bucket, request: { key, headers } }) => {
    const UploadId = bucket.begin(key, keptHeaders(headers)).uploadId;
    return xmlAnswer({ InitiateMultipartUploadResult: { Key: key, UploadId } });
  },
  UploadPart: ({ bucket, request, bytes }) => partAnswer(bucket, request, bytes),
  ListParts: ({ bucket, request, rules }) => listParts(bucket, request, rules.pageSize),
  CompleteMultipartUpload: ({ bucket, request, bytes, ifAbsent, uploadId }) => {
    const ETag = bucket.complete(request.key, uploadId, namedParts(bytes.toString()), ifAbsent);
    return xmlAnswer({ CompleteMultipartUploadResult: { Key: request.key, ETag } });
  },
  AbortMultipartUpload: ({ bucket, request, uploadId }) => {
    bucket.abort(request.key, uploadId);
    return { status: 204 };
  },
  ListMultipartUploads: ({ bucket, request, rules }) => listUploads(bucket, request.query, rules.pageSize),
  Elsewhere: () => {
    throw new S3Refusal(404, 'NoSuchBucket', 'The bucket does not exist.');
  },
};

/** Does what a request asks for. @throws S3Refusal */
export function perform(
  bucket: DoubleBucket,
  request: DoubleRequest,
  bytes: Buffer,
  rules: OperationRules,
): DoubleAnswer {
  const { operation, query, headers } = request;
  const ifAbsent = headers['if-none-match'] === '*' && !rules.ignoresConditions;
  const does = OPERATIONS[operation];
  if (!does) throw new S3Refusal(501, 'NotImplemented');
  return does({ bucket, request, bytes, rules, ifAbsent, uploadId: query.get('uploadId') ?? '' });
}

type Xml = Parameters<typeof xml>[0];

function xmlAnswer(members: Xml): DoubleAnswer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n${xml(members)}`;
  return { status: 200, headers: { 'content-type': 'application/xml' }, body };
}

function objectAnswer(bucket: DoubleBucket, key: string): DoubleAnswer {
  const object = bucket.objects.get(key);
  if (!object) throw new S3Refusal(404, 'NoSuchKey', 'The key does not exist.');
  const { headers, etag, bytes: body, size } = object;
  return { status: 200, headers: { ...headers, etag }, body, size };
}

function partAnswer(bucket: DoubleBucket, request: DoubleRequest, bytes: Buffer): DoubleAnswer {
  const upload = bucket.upload(request.key, request.query.get('uploadId') ?? '');
  const checksum = keptChecksum(request.headers);
  return {
    status: 200,
    headers: { etag: bucket.putPart(upload, request.partNumber ?? 0, bytes, checksum).etag },
  };
}

function keysOf({ objects }: DoubleBucket, query: URLSearchParams): Xml[] {
  const prefix = query.get('prefix') ?? '';
  return Array.from(objects)
    .filter(([key]) => key.startsWith(prefix))
    .map(([Key, { size: Size }]) => ({ Key, Size }));
}

function listParts(bucket: DoubleBucket, { key, query }: DoubleRequest, pageSize: number): DoubleAnswer {
  const { parts } = bucket.upload(key, query.get('uploadId') ?? '');
  const after = Number(query.get('part-number-marker') ?? 0);
  const left = Array.from(parts)
    .toSorted(([one], [other]) => one - other)
    .filter(([number]) => number > after);
  const page = left.slice(0, pageSize);
  return xmlAnswer({
    ListPartsResult: {
      IsTruncated: String(left.length > page.length),
      NextPartNumberMarker: page.at(-1)?.[0],
      Part: page.map(([PartNumber, { bytes, etag, checksum }]) => ({
        PartNumber,
        Size: bytes.length,
        ETag: etag,
        // By its length in Base64.
        ChecksumCRC64NVME: checksum?.length === 12 ? checksum : undefined,
        ChecksumSHA256: checksum?.length === 44 ? checksum : undefined,
      })),
    },
  });
}

function listUploads({ uploads }: DoubleBucket, query: URLSearchParams, pageSize: number): DoubleAnswer {
  const prefix = query.get('prefix') ?? '';
  const after = `${query.get('key-marker') ?? ''} ${query.get('upload-id-marker') ?? ''}`;
  const left = Array.from(uploads.values(), (upload) => ({
    ...upload,
    order: `${upload.key} ${upload.uploadId}`,
  }))
    .filter(({ key, order }) => key.startsWith(prefix) && (after === ' ' || order > after))
    .toSorted((one, other) => (one.order < other.order ? -1 : 1));
  const page = left.slice(0, pageSize);
  return xmlAnswer({
    ListMultipartUploadsResult: {
      IsTruncated: String(left.length > page.length),
      NextKeyMarker: page.at(-1)?.key,
      NextUploadIdMarker: page.at(-1)?.uploadId,
      Upload: page.map(({ key, uploadId, initiated }) => ({
        Key: key,
        UploadId: uploadId,
        Initiated: initiated.toISOString(),
      })),
    },
  });
}

function namedParts(text: string): NamedPart[] {
  return Array.from(text.matchAll(/<Part>(.*?)<\/Part>/gs), ([, part = '']) => ({
    number: Number(/<PartNumber>(\d+)</.exec(part)?.[1]),
    etag: (/<ETag>(.*?)<\/ETag>/.exec(part)?.[1] ?? '').replaceAll('&quot;', ''),
    checksum: /<Checksum\w+>(.*?)</.exec(part)?.[1],
  }));
}
