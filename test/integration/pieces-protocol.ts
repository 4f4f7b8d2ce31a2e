import type { Caller } from '../../src/auth/caller.js';
import { ServiceError } from '../../src/errors/service-error.js';
import { uuidV7 } from '../../src/observability/random-ids.js';
import { readUploadFields } from '../../src/ingest/upload-fields.js';
import type { UploadPipeline } from '../../src/ingest/upload-pipeline.service.js';
import type { UploadResult } from '../../src/ingest/upload-result.js';
import type { FileHead, FileSink, UploadSink } from '../../src/ingest/upload-source.js';

type Head = Partial<Omit<FileHead, 'fields'>> & { readonly wantsAsync?: boolean };

/** A protocol that no HTTP has to do with: a file comes in pieces, by calls of its own, and is complete when a last one says so. */
export class PiecesProtocol {
  constructor(private readonly pipeline: UploadPipeline) {}

  create(caller: Caller, head: Head = {}): PiecedUpload {
    return new PiecedUpload(this.pipeline, caller, head);
  }
}

export class PiecedUpload {
  readonly id: string = uuidV7();
  /** What becomes of it. */
  readonly result: Promise<UploadResult>;
  private readonly gone = new AbortController();
  private readonly pumped = Promise.withResolvers<void>();
  private readonly begun = Promise.withResolvers<void>();
  private sink: UploadSink | undefined;
  private file: FileSink | undefined;
  private offset = 0;

  constructor(pipeline: UploadPipeline, caller: Caller, head: Head) {
    const { contentType = 'application/octet-stream', wantsAsync = false, ...rest } = head;
    this.result = pipeline.receive({
      protocol: 'pieces',
      uploadId: this.id,
      idIsCallers: false,
      caller,
      declaredBytes: head.length,
      wantsAsync,
      clientGone: this.gone.signal,
      open: () => (sink, stop) => {
        stop.addEventListener('abort', () => this.pumped.reject(stop.reason), { once: true });
        this.sink = sink;
        this.file = sink.begin({ ...rest, contentType, fields: readUploadFields(new Map()) });
        this.begun.resolve();
        return this.pumped.promise;
      },
    });
    this.result.catch((error: unknown) => this.begun.reject(error));
    this.begun.promise.catch(() => undefined);
  }

  /** Brings the piece that begins at `offset`, and gives the next one's. */
  async append(offset: number, piece: Buffer): Promise<number> {
    await this.begun.promise;
    if (offset !== this.offset)
      throw new ServiceError('CONFLICT', `The next piece begins at ${this.offset}.`);
    try {
      this.sink?.received(offset + piece.length);
      this.file?.write(piece);
      await this.file?.backPressure;
    } catch (error) {
      this.pumped.reject(error);
      throw error;
    }
    this.offset += piece.length;
    return this.offset;
  }

  /** No more pieces come. */
  async complete(): Promise<UploadResult> {
    await this.begun.promise;
    this.file?.end().then(this.pumped.resolve, this.pumped.reject);
    return this.result;
  }

  /** The one who brought the pieces does not come back. */
  leave(): void {
    const error = new ServiceError('CLIENT_CLOSED_REQUEST', 'Nobody brings the rest.');
    this.gone.abort(error);
    this.pumped.reject(error);
  }
}
