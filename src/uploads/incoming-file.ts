import { ServiceError } from '../errors/service-error.js';
import type { ContentDigest, FileBody } from '../storage/storage-element.js';
import type { ContentHash } from './content-hash.js';
import { FileStream } from './file-stream.js';
import { type MediaTypes, SNIFF_BYTES } from './media-types.js';

export interface IncomingFileOptions {
  readonly hash: ContentHash;
  readonly maxBytes: number;
  readonly mediaTypes: MediaTypes;
  /** Bytes that the client declared. */
  readonly length?: number;
  /** Bare hex SHA-256 that the client declared. */
  readonly declaredSha256?: string;
}

/**
 * One file on its way in: counted, limited, hashed, and handed on chunk by chunk without a copy. Its stream
 * ends only by `end`, which the one who parses the request calls when all of it was good.
 */
export class IncomingFile implements FileBody {
  readonly stream = new FileStream();
  readonly length: number | undefined;
  private size = 0;
  private result: ContentDigest | undefined;
  /** The beginning, held back until its type is known; undefined once it is, or where all types are taken. */
  private head: Buffer[] | undefined;
  private sniffing: Promise<void> | undefined;
  private hashing: Promise<void> | undefined;

  constructor(private readonly options: IncomingFileOptions) {
    this.length = options.length;
    this.head = options.mediaTypes.unrestricted ? undefined : [];
  }

  /** @throws FILE_TOO_LARGE, INTERNAL_ERROR */
  write(chunk: Buffer): void {
    this.size += chunk.length;
    if (this.size > this.options.maxBytes) throw fileTooLarge(this.options.maxBytes);
    this.hash(chunk);
    if (this.head) this.hold(chunk, this.head);
    else this.stream.add(chunk);
  }

  /** Settles when something may have changed for the next chunk; undefined when that may come at once. */
  get backPressure(): Promise<void> | undefined {
    return this.sniffing ?? this.hashing ?? this.stream.whenWanted;
  }

  /**
   * Ends the stream after the last checks; to be called once the whole request is known to be good.
   * @throws EMPTY_FILE, DIGEST_MISMATCH, UNSUPPORTED_MEDIA_TYPE, INTERNAL_ERROR
   */
  async end(): Promise<void> {
    if (this.size === 0) throw new ServiceError('EMPTY_FILE', 'The file has no bytes.');
    if (this.head) await this.releaseHead(this.head);
    const sha256 = await this.options.hash.digest();
    const declared = this.options.declaredSha256;
    if (declared !== undefined && declared !== sha256) {
      throw new ServiceError(
        'DIGEST_MISMATCH',
        `The bytes have SHA-256 ${sha256}, not the declared ${declared}.`,
      );
    }
    this.result = { size: this.size, sha256 };
    this.stream.push(null);
  }

  /** Fails the stream, so that whoever reads it leaves nothing behind. Harmless when repeated. */
  fail(error: Error): void {
    this.stream.destroy(error);
    this.options.hash.dispose();
  }

  digest(): ContentDigest {
    if (!this.result) throw new Error('The digest of a file is not known before its end');
    return this.result;
  }

  private hash(chunk: Buffer): void {
    const hashing = this.options.hash.update(chunk);
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
    await this.options.mediaTypes.checkSniffed(Buffer.concat(head).subarray(0, SNIFF_BYTES));
    this.head = undefined;
    this.sniffing = undefined;
    for (const chunk of head) this.stream.add(chunk);
  }
}

export function fileTooLarge(maxBytes: number): ServiceError {
  return new ServiceError('FILE_TOO_LARGE', `The file is larger than the ${maxBytes} bytes that are taken.`);
}
