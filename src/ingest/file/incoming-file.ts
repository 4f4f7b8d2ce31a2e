import { hash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { BodySource, DurableBody, LinkedFile } from '../../body/body-source.js';
import type { BufferBody } from '../../body/buffer-body.js';
import type { CollectedBytes } from '../../body/collected-bytes.js';
import { ServiceError } from '../../errors/service-error.js';
import type { ContentDigest, BodyRanges } from '../../storage/storage-element.js';
import type { PlaceableBody } from '../file-to-place.js';
import type { FileHead, FileSink } from '../upload-source.js';
import { MAX_WHOLE_BYTES } from '../whole-files.js';
import { SNIFF_BYTES } from './media-types.js';
import { type ContentPlaces, StreamedContent } from './streamed-content.js';

export interface IncomingFileOptions {
  readonly places: ContentPlaces;
  readonly maxBytes: number;
  readonly head: FileHead;
}

/** Made once: every file is disposed of in the end. */
const DISPOSED = new ServiceError('INTERNAL_ERROR', 'The upload was given up.');

/**
 * One file on its way in: counted, limited, hashed, and kept so that it can be sent more than once. A small one is
 * collected, and becomes a body when it is here whole. A larger one is read while it comes; who reads it sees its end only
 * after `end`, which the one who parses the request calls when all of it was good.
 */
export class IncomingFile implements PlaceableBody, FileSink {
  private size = 0;
  private result: ContentDigest | undefined;
  /** All that has come, while that is little and more may come. */
  private collected: CollectedBytes | undefined;
  /** What became of it: one of both. */
  private streamed: StreamedContent | undefined;
  private held: BufferBody | undefined;
  private failure: Error | undefined;
  private readonly lost = Promise.withResolvers<never>();
  private readonly begun = Promise.withResolvers<void>();

  constructor(private readonly options: IncomingFileOptions) {
    this.lost.promise.catch(() => undefined);
  }

  get receivedBytes(): number {
    return this.size;
  }

  /** Resolves when the file can be read: at its end where it is small, else with one of its first bytes; never rejects. */
  get whenBegun(): Promise<void> {
    return this.begun.promise;
  }

  /** @throws FILE_TOO_LARGE */
  write(chunk: Buffer): void {
    if (this.failure) return;
    this.size += chunk.length;
    if (this.size > this.options.maxBytes) throw fileTooLarge(this.options.maxBytes);
    this.options.head.digests?.update(chunk);
    if (Math.max(this.size, this.expectedLength ?? 0) > MAX_WHOLE_BYTES) this.stream().write(chunk);
    else this.collect().add(chunk);
  }

  get backPressure(): Promise<void> | undefined {
    return this.streamed?.backPressure;
  }

  async end(): Promise<void> {
    if (this.failure) throw this.failure;
    if (this.streamed) await this.finishStream(this.streamed);
    else await this.finish(this.collect());
  }

  get length(): number | undefined {
    return this.result?.size ?? this.options.head.length;
  }

  get expectedLength(): number | undefined {
    return this.options.head.expectedLength ?? this.options.head.length;
  }

  get replayable(): boolean {
    return this.source.replayable;
  }

  get ranges(): BodyRanges | undefined {
    const { source } = this;
    if (!source.replayable) return undefined;
    return {
      get keptBytes() {
        return source.keptBytes;
      },
      read: (from, bytes, signal) => source.open(from, signal, from + bytes),
    };
  }

  get whole(): Buffer | undefined {
    return this.held?.whole;
  }

  get complete(): boolean {
    return this.result !== undefined;
  }

  get durable(): DurableBody {
    return this.source;
  }

  get whenLost(): Promise<never> {
    return this.lost.promise;
  }

  /** @throws Error before `whenBegun` */
  open(signal: AbortSignal): Readable {
    return this.source.open(0, signal);
  }

  /** @throws Error before `whenBegun` */
  linkTo(path: string, signal: AbortSignal): Promise<LinkedFile | undefined> {
    return this.source.linkTo(path, signal);
  }

  /** Frees what is held, once nobody reads it any more. Harmless when repeated. */
  async dispose(): Promise<void> {
    this.failure ??= DISPOSED;
    this.collected?.release();
    await (this.streamed ?? this.held)?.dispose();
  }

  /** Fails whoever reads, so that whoever reads it leaves nothing behind. Harmless when repeated. */
  fail(error: Error): void {
    this.failure ??= error;
    this.streamed?.fail(error);
    this.held?.fail(error);
  }

  digest(): ContentDigest {
    if (!this.result) throw new Error('The digest of a file is not known before its end');
    return this.result;
  }

  private get source(): BodySource & DurableBody {
    const source = this.streamed?.body ?? this.held;
    if (!source) throw new Error('A file cannot be read before it has begun');
    return source;
  }

  private collect(): CollectedBytes {
    this.collected ??= this.options.places.bodies.collect(MAX_WHOLE_BYTES, this.expectedLength);
    return this.collected;
  }

  private stream(): StreamedContent {
    if (this.streamed) return this.streamed;
    const { places, head } = this.options;
    const streamed = new StreamedContent(places, head, (error) => this.lost.reject(error));
    this.streamed = streamed;
    // A copy: what was collected is to be given back, and the stream keeps what it is given.
    if (this.collected) streamed.write(Buffer.from(this.collected.bytes));
    this.collected?.release();
    this.begun.resolve();
    return streamed;
  }

  private async finishStream(streamed: StreamedContent): Promise<void> {
    this.settle(await streamed.digest());
    streamed.body.end();
  }

  /** @throws UNSUPPORTED_MEDIA_TYPE, DIGEST_MISMATCH */
  private async finish(collected: CollectedBytes): Promise<void> {
    const { places, head } = this.options;
    const { mediaTypes, bodies } = places;
    const beginning = collected.bytes.subarray(0, SNIFF_BYTES);
    if (!mediaTypes.unrestricted) await mediaTypes.checkBytes(head.contentType, beginning);
    if (this.failure) throw this.failure;
    this.settle(hash('sha256', collected.bytes, 'hex'));
    this.held = bodies.hold(collected);
    this.collected = undefined;
    this.begun.resolve();
  }

  /** @throws DIGEST_MISMATCH, and what is wrong with what was declared */
  private settle(sha256: string): void {
    this.options.head.digests?.finish({ algorithm: 'sha256', hex: sha256 });
    this.result = { size: this.size, sha256 };
  }
}

export function fileTooLarge(maxBytes: number): ServiceError {
  return new ServiceError('FILE_TOO_LARGE', `The file is larger than the ${maxBytes} bytes that are taken.`);
}
