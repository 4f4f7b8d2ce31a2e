import { Logger } from '@nestjs/common';
import { type Dispatcher, Pool } from 'undici';
import { ServiceError } from '../../../errors/service-error.js';
import { abortable } from '../../../outbound/abortable.js';
import type {
  ElementHealth,
  FileBody,
  FileDescription,
  StorageElement,
  StoredFile,
  UploadCheckpoint,
} from '../../storage-element.js';
import { traceHeaders } from '../trace-headers.js';
import { AbandonedUploads } from './abandoned-uploads.js';
import { FileUpload } from './file-upload.js';
import { idOf, ObjectKeys } from './object-keys.js';
import { type OrphanOutcome, removeOrphans } from './orphaned-uploads.js';
import type { DigestKind } from './payload.js';
import { fileIn, removeFrom, type S3Bucket } from './s3-bucket.js';
import { S3Client } from './s3-client.js';
import { credentialsOf, type S3Credentials } from './s3-credentials.js';
import { S3Endpoint } from './s3-endpoint.js';
import { S3Multiparts } from './s3-multiparts.js';
import { S3Objects } from './s3-objects.js';
import type { S3Limits, S3Settings } from './s3-settings.js';
import { S3Signer } from './s3-signer.js';
import { stateOf } from './upload-checkpoint.js';
import { WriteConditions } from './write-conditions.js';
import { storageTimeout } from '../storage-failures.js';

/** A list of a thousand parts, and the blanks of minutes; larger answers fail. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

/** Questions are short. */
const QUESTION_CONNECTIONS = 32;

const HEALTH_MS = 2_000;

const SWEEP_EVERY_MS = 3_600_000;

/** So long the element waits for what it is clearing up when it is closed. */
const CLOSE_MS = 5_000;

/** S3 takes 10 000 parts; a file of known length leaves some of them free. */
const MOST_PARTS = 10_000;
const PLANNED_PARTS = 9_000;

export interface S3ElementOptions {
  readonly id: string;
  readonly settings: S3Settings;
  readonly limits: S3Limits;
  /** Unset: those that the settings name. */
  readonly credentials?: S3Credentials;
}

/**
 * A bucket of AWS S3, or of what speaks its protocol. The name of a file's object is what makes the file: it is given to a whole
 * object, by one PUT or by the order to join parts, and to none where it is taken (docs/adr/0024-a-file-in-a-bucket.md).
 */
export class S3StorageElement implements StorageElement {
  readonly id: string;
  readonly acceptsEmptyFiles = true;
  readonly #bucket: S3Bucket;
  readonly #signer: S3Signer;
  readonly #abandoned: AbandonedUploads;
  readonly #closing = new AbortController();
  readonly #closed = new AbortController();
  readonly #logger = new Logger(S3StorageElement.name);
  #sweeping: NodeJS.Timeout | undefined;
  /** Opened when they are first needed. */
  readonly #opened = new Map<'files' | 'questions', Dispatcher>();

  constructor(private readonly options: S3ElementOptions) {
    const { id, settings, limits } = options;
    const { signal } = this.#closed;
    this.id = id;
    const endpoint = new S3Endpoint(settings);
    this.#signer = new S3Signer(endpoint, settings.region);
    const client = new S3Client({
      dispatcher: (what) => this.#dispatcher(what, endpoint.origin),
      endpoint,
      signer: this.#signer,
      credentials: options.credentials ?? credentialsOf(settings),
      limits,
      region: settings.region,
      elementId: id,
    });
    const kinds = digestKinds(settings, endpoint);
    const keys = new ObjectKeys(settings.prefix);
    const objects = new S3Objects(client, settings.checksum, signal);
    const multiparts = new S3Multiparts(client, settings.checksum, kinds);
    const conditions = new WriteConditions({ elementId: id, objects, keys, kinds, signal });
    this.#bucket = { settings, keys, objects, multiparts, conditions, kinds };
    this.#abandoned = new AbandonedUploads(id, this.#bucket, signal);
  }

  /**
   * With a `checkpoint`, an upload in parts goes on where an attempt before stopped.
   * @throws CONFLICT when there is a file of that id
   */
  async put(
    file: FileDescription,
    body: FileBody,
    signal: AbortSignal,
    checkpoint?: UploadCheckpoint,
  ): Promise<StoredFile> {
    signal.throwIfAborted();
    const fileId = idOf(file.fileId);
    if (fileId === undefined) throw new ServiceError('VALIDATION_ERROR', 'The file id is not a UUID.');
    return new FileUpload({
      bucket: this.#bucket,
      abandoned: this.#abandoned,
      file: { ...file, fileId },
      body,
      partBytes: this.#partBytes(body.length),
      checkpoint,
    }).store(signal);
  }

  async stat(fileId: string): Promise<StoredFile | undefined> {
    const id = idOf(fileId);
    return id === undefined ? undefined : fileIn(this.#bucket, id, this.#closed.signal);
  }

  async remove(fileId: string): Promise<void> {
    const id = idOf(fileId);
    if (id !== undefined) await removeFrom(this.#bucket, id, this.#closed.signal);
  }

  discard(state: string): void {
    const left = stateOf(state);
    const id = left && this.#bucket.keys.idAt(left.key);
    if (left && id !== undefined) this.#abandoned.removeUnlessMade({ ...left, id, begun: left });
  }

  /** Nothing but that uploads which nobody finishes are looked for, now and from now on. */
  prepare(): Promise<void> {
    const sweep = (): void => void this.#sweep();
    this.#sweeping ??= setInterval(sweep, SWEEP_EVERY_MS).unref();
    sweep();
    return Promise.resolve();
  }

  /**
   * Removes the parts of uploads that were begun more than `olderThanMs` milliseconds ago, until `signal` aborts; tells what
   * became of each. @throws STORAGE_FAILED, STORAGE_TIMEOUT where they cannot be listed
   */
  removeOrphans(olderThanMs: number, signal: AbortSignal): AsyncGenerator<OrphanOutcome> {
    return removeOrphans(this.#bucket, this.#signer.nowMs() - olderThanMs, signal);
  }

  async health(): Promise<ElementHealth> {
    const late = new AbortController();
    const timeout = storageTimeout('The storage element did not answer in time.', 'headers');
    const timer = setTimeout(() => late.abort(timeout), Math.min(HEALTH_MS, this.options.limits.requestMs));
    try {
      await abortable(late.signal, this.#bucket.objects.checkBucket(late.signal));
      if (this.#bucket.conditions.known !== false) return { up: true };
      return {
        up: true,
        remark: 'The store ignores conditional writes: files are looked for before they are written.',
      };
    } catch (error) {
      return { up: false, reason: reasonOf(error) };
    } finally {
      clearTimeout(timer);
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeping);
    this.#closing.abort(new Error('The storage element is being closed'));
    const timer = setTimeout(() => this.#closed.abort(new Error('The storage element is closed')), CLOSE_MS);
    await this.#abandoned.settled();
    clearTimeout(timer);
    await Promise.all(Array.from(this.#opened.values(), (dispatcher) => dispatcher.destroy()));
  }

  /** What cannot be removed is tried again with the next one. */
  async #sweep(): Promise<void> {
    const { signal } = this.#closing;
    try {
      for await (const outcome of this.removeOrphans(this.options.limits.orphanAgeMs, signal)) {
        const { kind, fileId } = outcome;
        if (kind === 'removed')
          this.#logger.log({ element: this.id, file_id: fileId }, 'an unfinished upload was removed');
        else
          this.#logger.warn({ element: this.id, err: outcome.error }, 'an unfinished upload was not removed');
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#logger.warn(
        { element: this.id, err: error },
        'a bucket was not looked through for unfinished uploads',
      );
    }
  }

  /** All parts are of one size, so that they are told by their number; some stores demand it. */
  #partBytes(length: number | undefined): number {
    const { settings, limits } = this.options;
    const least =
      length === undefined ? Math.ceil(limits.maxFileBytes / MOST_PARTS) : Math.ceil(length / PLANNED_PARTS);
    return Math.max(settings.partSize, least);
  }

  /** undici's own timers are off: its headers timeout fires while a store still reads a slow body. */
  #dispatcher(what: 'files' | 'questions', origin: string): Dispatcher {
    const opened = this.#opened.get(what);
    if (opened) return opened;
    const { connectMs, maxConnections } = this.options.limits;
    const dispatcher = new Pool(origin, {
      connections: what === 'files' ? maxConnections : Math.min(maxConnections, QUESTION_CONNECTIONS),
      pipelining: 1,
      allowH2: false,
      connect: { timeout: connectMs },
      headersTimeout: 0,
      bodyTimeout: 0,
      maxResponseSize: MAX_ANSWER_BYTES,
    }).compose(traceHeaders);
    this.#opened.set(what, dispatcher);
    return dispatcher;
  }
}

/** Without TLS, all bytes are hashed before they are sent: the signature is for the hash. */
function digestKinds({ checksum }: S3Settings, endpoint: S3Endpoint): ReadonlySet<DigestKind> {
  const kinds = new Set<DigestKind>();
  if (!endpoint.isEncrypted) kinds.add('sha256');
  if (checksum !== 'none') kinds.add(checksum);
  return kinds;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof ServiceError)) return error instanceof Error ? error.message : String(error);
  return error.cause instanceof Error ? `${error.detail} ${error.cause.message}` : error.detail;
}
