import type { BodyHash } from '../../body/body-hash.js';
import type { BodySources } from '../../body/body-sources.service.js';
import type { LentFile, SpoolObserver } from '../../body/body-source.js';
import type { BodyHashes } from '../../body/body-hashes.service.js';
import { notKept } from '../../body/spool-failure.js';
import type { FileHead } from '../upload-source.js';
import { type MediaTypes, SNIFF_BYTES } from './media-types.js';

/** Where the bytes of files go. */
export interface ContentPlaces {
  readonly bodies: BodySources;
  readonly hashes: BodyHashes;
  readonly mediaTypes: MediaTypes;
}

/** The bytes of a file that is too large to be waited for: they can be read while they come, and are hashed on their way. */
export class StreamedContent implements SpoolObserver {
  readonly body: ReturnType<BodySources['begin']>;
  private readonly bodyHash: BodyHash;
  private sizeSoFar = 0;
  /** The beginning, held back until its type is known; undefined once it is, or where all types are taken. */
  private head: Buffer[] | undefined;
  private sniffing: Promise<void> | undefined;
  private hashing: Promise<void> | undefined;

  /** `onLost` is called when the bytes cannot be kept any more, with SPOOL_FULL or INTERNAL_ERROR. */
  constructor(
    private readonly places: ContentPlaces,
    private readonly fileHead: FileHead,
    private readonly onLost: (error: Error) => void,
  ) {
    const { bodies, hashes, mediaTypes } = places;
    const { length, expectedLength = length } = fileHead;
    this.body = bodies.begin({ length, expectedLength, observer: this });
    this.bodyHash = hashes.begin(this.body);
    this.head = mediaTypes.unrestricted ? undefined : [];
  }

  write(chunk: Buffer): void {
    this.sizeSoFar += chunk.length;
    this.hash(chunk);
    if (this.head) this.hold(chunk, this.head);
    else this.body.write(chunk);
  }

  /**
   * Settles when something may have changed for the next chunk; undefined when that may come at once. Rejects with
   * UNSUPPORTED_MEDIA_TYPE, or with INTERNAL_ERROR when the bytes cannot be hashed.
   */
  get backPressure(): Promise<void> | undefined {
    return this.sniffing ?? this.hashing ?? this.body.whenWritable;
  }

  /** The SHA-256 of all bytes, once the last of them has come. @throws UNSUPPORTED_MEDIA_TYPE, INTERNAL_ERROR */
  async digest(): Promise<string> {
    if (this.head) await this.releaseHead(this.head);
    return this.bodyHash.digest();
  }

  /** Frees what is held, once nobody reads it any more. Harmless when repeated. */
  async dispose(): Promise<void> {
    this.bodyHash.dispose();
    await this.body.dispose();
  }

  fail(error: Error): void {
    this.body.fail(error);
    this.bodyHash.dispose();
  }

  spooled(file: LentFile, bytes: number): void {
    this.bodyHash.spooled(file, bytes);
  }

  /** Where nobody reads the file, nothing can come of it any more. */
  spoolFailed(cause: Error): void {
    this.bodyHash.spoolFailed();
    this.onLost(notKept(cause));
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
    if (this.sizeSoFar >= SNIFF_BYTES) void this.releaseHead(head).catch(() => undefined);
  }

  /** Once; whoever waits for it sees its failure as back pressure or at the end. */
  private releaseHead(head: Buffer[]): Promise<void> {
    this.sniffing ??= this.sniff(head);
    return this.sniffing;
  }

  private async sniff(head: Buffer[]): Promise<void> {
    const beginning = Buffer.concat(head).subarray(0, SNIFF_BYTES);
    await this.places.mediaTypes.checkBytes(this.fileHead.contentType, beginning);
    this.head = undefined;
    this.sniffing = undefined;
    for (const chunk of head) this.body.write(chunk);
  }
}
