import { z } from 'zod';
import { complaintOf, elementOf, headerOf, xmlOf, xmlText } from './s3-answers.js';
import type { S3Client, S3Request } from './s3-client.js';
import { ALGORITHM_OF, bufferPayload, checksumHeaders, type DigestKind, type Payload } from './payload.js';
import { checkAcknowledged } from './s3-objects.js';
import type { ChecksumKind } from './s3-settings.js';
import { storageFailed } from '../storage-failures.js';

/** An upload in parts that was begun. */
export interface BegunMultipart {
  readonly key: string;
  readonly uploadId: string;
}

/** A part that the store has. */
export interface StoredPart {
  readonly number: number;
  readonly size: number;
  readonly etag: string;
  /** In Base64, where the store keeps one. */
  readonly checksum?: string;
}

/** How a store says when an upload was begun. */
export interface ListedMultipart extends BegunMultipart {
  readonly initiatedMs: number;
}

const createdSchema = z.object({
  InitiateMultipartUploadResult: z.looseObject({ UploadId: z.string().min(1) }),
});

const partsSchema = z.object({
  ListPartsResult: elementOf({
    IsTruncated: z.string().optional(),
    NextPartNumberMarker: z.string().optional(),
    Part: z
      .array(
        z.looseObject({
          PartNumber: z.coerce.number().int(),
          Size: z.coerce.number(),
          ETag: z.string(),
          ChecksumSHA256: z.string().optional(),
          ChecksumCRC64NVME: z.string().optional(),
        }),
      )
      .default([]),
  }),
});

const uploadsSchema = z.object({
  ListMultipartUploadsResult: elementOf({
    IsTruncated: z.string().optional(),
    NextKeyMarker: z.string().optional(),
    NextUploadIdMarker: z.string().optional(),
    Upload: z
      .array(z.looseObject({ Key: z.string(), UploadId: z.string(), Initiated: z.coerce.date() }))
      .default([]),
  }),
});

/** Uploads in parts, of one bucket. */
export class S3Multiparts {
  constructor(
    private readonly client: S3Client,
    private readonly checksum: ChecksumKind,
    /** Digests of what is small and in memory. */
    private readonly kinds: ReadonlySet<DigestKind>,
  ) {}

  async begin(
    key: string,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<BegunMultipart> {
    const request = this.#request('CreateMultipartUpload', 'POST', key, { uploads: '' });
    const { text } = await this.client.succeed(
      { ...request, headers: { ...headers, ...this.#algorithm() } },
      signal,
    );
    return { key, uploadId: understood(createdSchema, text).InitiateMultipartUploadResult.UploadId };
  }

  /** Sends a part; one that was sent under its number before is replaced. */
  async sendPart(
    begun: BegunMultipart,
    number: number,
    payload: Payload,
    signal: AbortSignal,
  ): Promise<StoredPart> {
    const headers = checksumHeaders(this.checksum, payload.digests);
    const query = { partNumber: String(number), uploadId: begun.uploadId };
    const request = { ...this.#request('UploadPart', 'PUT', begun.key, query), headers, payload };
    const answer = await this.client.succeed(request, signal);
    checkAcknowledged(headers, answer);
    const etag = headerOf(answer, 'etag');
    if (etag === undefined) throw notUnderstood();
    return { number, size: payload.size, etag, checksum: this.#base64(payload) };
  }

  /** The parts that the store has, by number; undefined where there is no such upload any more. */
  async parts(
    { key, uploadId }: BegunMultipart,
    signal: AbortSignal,
  ): Promise<Map<number, StoredPart> | undefined> {
    const parts = new Map<number, StoredPart>();
    let marker: string | undefined = '0';
    while (marker !== undefined) {
      const request = this.#request('ListParts', 'GET', key, { uploadId, 'part-number-marker': marker });
      const answer = await this.client.send(request, signal);
      if (answer.status === 404 && complaintOf(answer)?.code !== 'NoSuchBucket') return undefined;
      if (answer.status >= 300) throw this.client.failureOf(request, answer);
      const page = understood(partsSchema, answer.text).ListPartsResult;
      for (const { PartNumber: number, Size: size, ETag: etag, ...sums } of page.Part) {
        const checksum = this.checksum === 'sha256' ? sums.ChecksumSHA256 : sums.ChecksumCRC64NVME;
        parts.set(number, { number, size, etag, checksum });
      }
      marker = page.IsTruncated === 'true' ? page.NextPartNumberMarker : undefined;
    }
    return parts;
  }

  /**
   * Makes the object of all parts, which are `bytes` bytes. A store may take minutes for it, and send blanks meanwhile.
   * @throws STORAGE_FAILED also where it answers 200 and says that it failed
   */
  async complete(
    { key, uploadId }: BegunMultipart,
    parts: readonly StoredPart[],
    { bytes, ifAbsent }: { readonly bytes: number; readonly ifAbsent: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const list = parts.map((part) => this.#partXml(part)).join('');
    const text = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${list}</CompleteMultipartUpload>`;
    const request = {
      ...this.#request('CompleteMultipartUpload', 'POST', key, { uploadId }),
      headers: { 'content-type': 'application/xml', ...(ifAbsent && { 'if-none-match': '*' }) },
      payload: bufferPayload(Buffer.from(text), this.kinds),
      bytes,
    };
    const answer = await this.client.succeed(request, signal);
    if (!('CompleteMultipartUploadResult' in xmlOf(answer.text)))
      throw this.client.failureOf(request, answer);
  }

  /** No error where there is no such upload any more. */
  async abort({ key, uploadId }: BegunMultipart, signal: AbortSignal): Promise<void> {
    const request = this.#request('AbortMultipartUpload', 'DELETE', key, { uploadId });
    const answer = await this.client.send(request, signal);
    if (answer.status >= 300 && answer.status !== 404) throw this.client.failureOf(request, answer);
  }

  /** The uploads that were begun and not finished, of keys that begin with `start`. */
  async *begun(start: string, signal: AbortSignal): AsyncGenerator<ListedMultipart> {
    let markers: Record<string, string> | undefined = {};
    while (markers) {
      const query = { uploads: '', prefix: start, ...markers };
      const { text } = await this.client.succeed(
        { operation: 'ListMultipartUploads', method: 'GET', query },
        signal,
      );
      const page: z.infer<typeof uploadsSchema>['ListMultipartUploadsResult'] = understood(
        uploadsSchema,
        text,
      ).ListMultipartUploadsResult;
      for (const { Key: key, UploadId: uploadId, Initiated } of page.Upload) {
        yield { key, uploadId, initiatedMs: Initiated.getTime() };
      }
      const { NextKeyMarker = '', NextUploadIdMarker = '' } = page;
      const isMore = page.IsTruncated === 'true' && NextKeyMarker !== '';
      markers = isMore ? { 'key-marker': NextKeyMarker, 'upload-id-marker': NextUploadIdMarker } : undefined;
    }
  }

  #request(
    operation: string,
    method: S3Request['method'],
    key: string,
    query: Readonly<Record<string, string>>,
  ): S3Request {
    return { operation, method, key, query };
  }

  /** Declared when the upload begins: else the store would refuse checksums of parts. */
  #algorithm(): Record<string, string> {
    if (this.checksum !== 'sha256' && this.checksum !== 'crc64nvme') return {};
    return {
      'x-amz-checksum-algorithm': ALGORITHM_OF[this.checksum],
      ...(this.checksum === 'crc64nvme' && { 'x-amz-checksum-type': 'FULL_OBJECT' }),
    };
  }

  #base64({ digests }: Payload): string | undefined {
    if (this.checksum !== 'sha256' && this.checksum !== 'crc64nvme') return undefined;
    return digests[this.checksum]?.toString('base64');
  }

  #partXml({ number, etag, checksum }: StoredPart): string {
    const isKept = this.checksum === 'sha256' || this.checksum === 'crc64nvme';
    const name = isKept ? `Checksum${ALGORITHM_OF[this.checksum]}` : '';
    const sum = isKept && checksum !== undefined ? `<${name}>${xmlText(checksum)}</${name}>` : '';
    return `<Part><PartNumber>${number}</PartNumber><ETag>${xmlText(etag)}</ETag>${sum}</Part>`;
  }
}

/** @throws STORAGE_FAILED where the answer is not of the form that it must have */
function understood<T extends z.ZodType>(schema: T, text: string): z.infer<T> {
  const { data } = schema.safeParse(xmlOf(text));
  if (!data) throw notUnderstood();
  return data;
}

function notUnderstood(): Error {
  return storageFailed('The storage element gave an answer that is not understood.');
}
