import { createHash, randomBytes } from 'node:crypto';
import { S3Refusal } from './s3-refusal.js';

export interface DoubleObject {
  /** None where the bucket keeps none; those of a companion are kept in any case. */
  readonly bytes: Buffer;
  readonly size: number;
  /** In hex. */
  readonly sha256: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly etag: string;
}

export interface DoublePart {
  readonly bytes: Buffer;
  readonly etag: string;
  readonly checksum?: string;
}

export interface DoubleUpload {
  readonly uploadId: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly parts: Map<number, DoublePart>;
  initiated: Date;
}

/** A part as the order to join them names it. */
export interface NamedPart {
  readonly number: number;
  readonly etag: string;
  readonly checksum?: string;
}

interface BucketRules {
  readonly minPartBytes: number;
  readonly maxObjectBytes: number;
  /** Else it knows of the objects only how large they are, and their digest: a test with thousands of files has not the memory. */
  readonly keepsBytes: boolean;
}

/** Objects and begun uploads of one bucket. Each change is one step, so that of two writes one is first. */
export class DoubleBucket {
  readonly objects = new Map<string, DoubleObject>();
  readonly uploads = new Map<string, DoubleUpload>();
  /** Uploads that became objects, and what of; an order that is repeated is answered again. */
  readonly completed = new Map<string, string>();

  constructor(private readonly rules: BucketRules) {}

  /** Files and their companions: all objects but the one with which it is tried out what the store does. */
  get stored(): Map<string, DoubleObject> {
    return new Map([...this.objects].filter(([key]) => !key.endsWith('.ingester-probe')));
  }

  put(
    key: string,
    bytes: Buffer,
    headers: Readonly<Record<string, string>>,
    ifAbsent: boolean,
  ): DoubleObject {
    if (bytes.length > this.rules.maxObjectBytes) throw new S3Refusal(400, 'EntityTooLarge');
    this.checkAbsent(key, ifAbsent);
    return this.keep(key, bytes, headers, `"${md5(bytes)}"`);
  }

  begin(key: string, headers: Readonly<Record<string, string>>): DoubleUpload {
    const uploadId = randomBytes(24).toString('base64url');
    const upload = { uploadId, key, headers, parts: new Map(), initiated: new Date() };
    this.uploads.set(uploadId, upload);
    return upload;
  }

  upload(key: string, uploadId: string): DoubleUpload {
    const upload = this.uploads.get(uploadId);
    if (upload?.key !== key) throw new S3Refusal(404, 'NoSuchUpload', 'The upload does not exist.');
    return upload;
  }

  putPart(upload: DoubleUpload, number: number, bytes: Buffer, checksum?: string): DoublePart {
    if (number < 1 || number > 10_000) throw new S3Refusal(400, 'InvalidArgument');
    const part = { bytes, checksum, etag: `"${md5(bytes)}"` };
    upload.parts.set(number, part);
    return part;
  }

  /** Gives the ETag of the object. */
  complete(key: string, uploadId: string, named: readonly NamedPart[], ifAbsent: boolean): string {
    const before = this.completed.get(uploadId);
    if (before !== undefined && !ifAbsent) return before;
    // With the condition, S3 finds its own object in the way.
    if (before !== undefined) throw new S3Refusal(412, 'PreconditionFailed');
    const upload = this.upload(key, uploadId);
    const parts = named.map((part, index) => this.namedPart(upload, part, named[index - 1]));
    const tooSmall = parts.slice(0, -1).some(({ bytes }) => bytes.length < this.rules.minPartBytes);
    if (parts.length === 0) throw new S3Refusal(400, 'MalformedXML');
    if (tooSmall) throw new S3Refusal(400, 'EntityTooSmall');
    this.checkAbsent(key, ifAbsent);
    const digests = Buffer.concat(parts.map(({ etag }) => Buffer.from(etag.replaceAll('"', ''), 'hex')));
    const etag = `"${md5(digests)}-${parts.length}"`;
    const bytes = Buffer.concat(parts.map((part) => part.bytes));
    if (bytes.length > this.rules.maxObjectBytes) throw new S3Refusal(400, 'EntityTooLarge');
    this.keep(key, bytes, upload.headers, etag);
    this.uploads.delete(uploadId);
    this.completed.set(uploadId, etag);
    return etag;
  }

  abort(key: string, uploadId: string): void {
    this.upload(key, uploadId);
    this.uploads.delete(uploadId);
  }

  private keep(key: string, bytes: Buffer, headers: DoubleObject['headers'], etag: string): DoubleObject {
    const isKept = this.rules.keepsBytes || key.endsWith('.json');
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const object = {
      bytes: isKept ? bytes : Buffer.alloc(0),
      size: bytes.length,
      sha256,
      headers,
      etag,
    };
    this.objects.set(key, object);
    return object;
  }

  private namedPart(upload: DoubleUpload, named: NamedPart, previous: NamedPart | undefined): DoublePart {
    if (previous && previous.number >= named.number) throw new S3Refusal(400, 'InvalidPartOrder');
    const part = upload.parts.get(named.number);
    const isSame = part && part.etag.replaceAll('"', '') === named.etag.replaceAll('"', '');
    if (!part || !isSame || (named.checksum !== undefined && named.checksum !== part.checksum)) {
      throw new S3Refusal(400, 'InvalidPart', `Part ${named.number} was not found, or is another one.`);
    }
    // Declared when it was begun, a checksum is to be named.
    if (part.checksum !== undefined && named.checksum === undefined)
      throw new S3Refusal(400, 'InvalidRequest');
    return part;
  }

  private checkAbsent(key: string, ifAbsent: boolean): void {
    if (ifAbsent && this.objects.has(key))
      throw new S3Refusal(412, 'PreconditionFailed', 'There is one already.');
  }
}

function md5(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('hex');
}
