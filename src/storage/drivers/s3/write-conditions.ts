import { Logger } from '@nestjs/common';
import { ServiceError } from '../../../errors/service-error.js';
import { bufferPayload, type DigestKind } from './payload.js';
import type { ObjectKeys } from './object-keys.js';
import type { S3Objects } from './s3-objects.js';

export interface WriteConditionsParts {
  readonly elementId: string;
  readonly objects: S3Objects;
  readonly keys: ObjectKeys;
  readonly kinds: ReadonlySet<DigestKind>;
  /** Ends it, when the element is closed. */
  readonly signal: AbortSignal;
}

/**
 * Does the store keep what is there, when it is asked to (`If-None-Match: *`)? Stores that do not know the condition ignore it,
 * so it is tried out once: the same key is written twice. Its empty object stays: were it removed, a process that is killed
 * would leave it all the same, and one replica would remove it while another tries. Where the condition is ignored, files are
 * looked for before they are written, and two that store one id at the same moment may both succeed.
 */
export class WriteConditions {
  private readonly logger = new Logger(WriteConditions.name);
  #trying: Promise<boolean> | undefined;
  #known: boolean | undefined;

  constructor(private readonly parts: WriteConditionsParts) {}

  /** Undefined before it was tried. */
  get known(): boolean | undefined {
    return this.#known;
  }

  /** @throws STORAGE_FAILED, STORAGE_TIMEOUT where it could not be tried out; then the next one tries again */
  areKept(): Promise<boolean> {
    this.#trying ??= this.#try().catch((error: unknown) => {
      this.#trying = undefined;
      throw error;
    });
    return this.#trying;
  }

  async #try(): Promise<boolean> {
    this.#known = await this.#isKept();
    if (!this.#known) {
      const what = 'ignores conditional writes: files are looked for before they are written';
      this.logger.warn(`Storage element ${this.parts.elementId} ${what}`);
    }
    return this.#known;
  }

  /** Whoever finds the object of an earlier try is refused by the first write. */
  async #isKept(): Promise<boolean> {
    const nothing = bufferPayload(Buffer.alloc(0), this.parts.kinds);
    const write = () => this.parts.objects.create(this.parts.keys.probe, nothing, {}, this.parts.signal);
    try {
      return (await write()) === 'taken' || (await write()) === 'taken';
    } catch (error) {
      if (isUnknownToStore(error)) return false;
      throw error;
    }
  }
}

/** Some stores refuse a header that they do not know. */
function isUnknownToStore(error: unknown): boolean {
  return (
    error instanceof ServiceError &&
    error.cause instanceof Error &&
    /\bNotImplemented\b/.test(error.cause.message)
  );
}
