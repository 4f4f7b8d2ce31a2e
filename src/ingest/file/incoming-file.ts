import { ServiceError } from '../../errors/service-error.js';
import type { Readable } from 'node:stream';
import type { BodySource, BodyWriter, DurableBody, LentFile, SpoolObserver } from '../../body/body-source.js';
import { notKept } from '../../body/spool-failure.js';
import type { ContentDigest } from '../../storage/storage-element.js';
import { BodyHash } from '../../body/body-hash.js';
import type { ContentHash, FileReadingHash } from '../../body/content-hash.js';
import type { PlaceableBody } from '../file-to-place.js';
import type { FileSink } from '../upload-source.js';
import { type MediaTypes, SNIFF_BYTES } from './media-types.js';

export interface IncomingFileOptions {
  /** Where the bytes go, to be sent on from there. */
  readonly body: BodySource & BodyWriter & DurableBody;
  readonly hash: ContentHash | FileReadingHash;
  readonly maxBytes: number;
  readonly mediaTypes: MediaTypes;
  /** What the client declared the file to be. */
  readonly contentType: string;
  /** Bytes that the request has room for, where it says how long it is; a line end more or less. */
  readonly expectedLength?: number;
  /** Bare hex SHA-256 that the client declared. */
  readonly declaredSha256?: string;
}

/**
 * One file on its way in: counted, limited, hashed, and kept so that it can be sent more than once. Who reads it
 * sees its end only after `end`, which the one who parses the request calls when all of it was good.
 */
export class IncomingFile implements PlaceableBody, FileSink, SpoolObserver {
  private size = 0;
  private result: ContentDigest | undefined;
  /** The beginning, held back until its type is known; undefined once it is, or where all types are taken. */
  private head: Buffer[] | undefined;
  private sniffing: Promise<void> | undefined;
  private hashing: Promise<void> | undefined;
  private readonly lost = Promise.withResolvers<never>();
  private readonly begun = Promise.withResolvers<void>();
  private readonly bodyHash: BodyHash;

  constructor(private readonly options: IncomingFileOptions) {
    this.bodyHash = new BodyHash(options.hash, options.body);
    this.head = options.mediaTypes.unrestricted ? undefined : [];
    this.lost.promise.catch(() => undefined);
  }

  get receivedBytes(): number {
    return this.size;
  }

  /** Resolves with the first byte, or at the end of a file that has none; never rejects. */
  get whenBegun(): Promise<void> {
    return this.begun.promise;
  }

  /** @throws FILE_TOO_LARGE */
  write(chunk: Buffer): void {
    this.size += chunk.length;
    if (this.size > this.options.maxBytes) throw fileTooLarge(this.options.maxBytes);
    this.hash(chunk);
    if (this.head) this.hold(chunk, this.head);
    else this.options.body.write(chunk);
    this.begun.resolve();
  }

  /**
   * Settles when something may have changed for the next chunk; undefined when that may come at once. Rejects with
   * UNSUPPORTED_MEDIA_TYPE, or with INTERNAL_ERROR when the file cannot be hashed.
   */
  get backPressure(): Promise<void> | undefined {
    return this.sniffing ?? this.hashing ?? this.options.body.whenWritable;
  }

  /**
   * Ends the stream after the last checks; to be called once the whole request is known to be good.
   * @throws DIGEST_MISMATCH, UNSUPPORTED_MEDIA_TYPE, INTERNAL_ERROR
   */
  async end(): Promise<void> {
    if (this.head) await this.releaseHead(this.head);
    const sha256 = await this.bodyHash.digest();
    const declared = this.options.declaredSha256;
    if (declared !== undefined && declared !== sha256) {
      throw new ServiceError(
        'DIGEST_MISMATCH',
        `The bytes have SHA-256 ${sha256}, not the declared ${declared}.`,
      );
    }
    this.result = { size: this.size, sha256 };
    this.options.body.end();
    this.begun.resolve();
  }

  get length(): number | undefined {
    return this.result?.size ?? this.options.body.length;
  }

  get expectedLength(): number | undefined {
    return this.options.expectedLength;
  }

  get replayable(): boolean {
    return this.options.body.replayable;
  }

  /** Have all bytes come, and were they found good? Before that no storage element can have the whole file. */
  get complete(): boolean {
    return this.result !== undefined;
  }

  /** What makes the file durable, once it is complete. */
  get durable(): DurableBody {
    return this.options.body;
  }

  /** Rejects with SPOOL_FULL or INTERNAL_ERROR when the file cannot be kept any more; never resolves. */
  get whenLost(): Promise<never> {
    return this.lost.promise;
  }

  spooled(file: LentFile, bytes: number): void {
    this.bodyHash.spooled(file, bytes);
  }

  /** Where nobody reads the file, nothing can come of it any more. */
  spoolFailed(cause: Error): void {
    this.bodyHash.spoolFailed();
    this.lost.reject(notKept(cause));
  }

  open(signal: AbortSignal): Readable {
    return this.options.body.open(0, signal);
  }

  /** Frees what is held, once nobody reads it any more. Harmless when repeated. */
  async dispose(): Promise<void> {
    this.bodyHash.dispose();
    await this.options.body.dispose();
  }

  /** Fails whoever reads, so that whoever reads it leaves nothing behind. Harmless when repeated. */
  fail(error: Error): void {
    this.options.body.fail(error);
    this.bodyHash.dispose();
  }

  digest(): ContentDigest {
    if (!this.result) throw new Error('The digest of a file is not known before its end');
    return this.result;
  }

  private hash(chunk: Buffer): void {
    const hashing = this.bodyHash.update(chunk);
    if (!hashing) return;
    this.hashing = hashing;
    const clear = (): void => {
      if (this.hashing === hashing) this.hashing = undefined;
    };
    hashing.then(clear, clear);
  }

  private hold(chunk: Buffer, head: Buffer[]): void {
    head.push(chunk);
    if (this.size >= SNIFF_BYTES) void this.releaseHead(head).catch(() => undefined);
  }

  /** Once; whoever waits for it sees its failure as back pressure or at the end. */
  private releaseHead(head: Buffer[]): Promise<void> {
    this.sniffing ??= this.sniff(head);
    return this.sniffing;
  }

  private async sniff(head: Buffer[]): Promise<void> {
    const { mediaTypes, contentType } = this.options;
    await mediaTypes.checkBytes(contentType, Buffer.concat(head).subarray(0, SNIFF_BYTES));
    this.head = undefined;
    this.sniffing = undefined;
    for (const chunk of head) this.options.body.write(chunk);
  }
}

export function fileTooLarge(maxBytes: number): ServiceError {
  return new ServiceError('FILE_TOO_LARGE', `The file is larger than the ${maxBytes} bytes that are taken.`);
}
