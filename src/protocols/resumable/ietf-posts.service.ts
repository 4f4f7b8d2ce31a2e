import { Injectable } from '@nestjs/common';
import { ServiceError } from '../../errors/service-error.js';
import { uploadIdOfKey } from '../../ingest/upload-id-of-key.js';
import { uuidV7 } from '../../observability/random-ids.js';
import type { UploadState } from '../../resumption/resumable-upload.js';
import { UploadResources } from '../../resumption/upload-resources.service.js';
import { idempotencyKey } from '../http/idempotency-key.js';
import type { UploadExchange } from '../http/upload-exchange.js';
import { HttpUploads } from '../http-uploads.service.js';
import { IetfAnswers } from './ietf-answers.service.js';
import { IETF_PROTOCOL, IetfCreations, noteOf, type OpenedCreation } from './ietf-creations.service.js';

/** Creates uploads under ids of ours: under new ones, or under that of the key by which a client repeats a creation. */
@Injectable()
export class IetfPosts {
  constructor(
    private readonly resources: UploadResources,
    private readonly creations: IetfCreations,
    private readonly answers: IetfAnswers,
    private readonly uploads: HttpUploads,
  ) {}

  create(exchange: UploadExchange): Promise<void> {
    const key = idempotencyKey(exchange.request);
    return key === undefined
      ? this.createNew(exchange, uuidV7())
      : this.createKeyed(exchange, uploadIdOfKey(exchange.caller.subject, key));
  }

  /** What fails before its client was told of it is removed: nobody would ever come back to it. */
  private async createNew(exchange: UploadExchange, uploadId: string): Promise<void> {
    try {
      await this.answers.guard(exchange, uploadId, async () => {
        const opened = this.creations.open(exchange, uploadId, true);
        await this.creations.take(opened, await this.creations.begin(opened));
      });
    } catch (error) {
      if (!this.answers.isAnnounced(exchange))
        await this.resources.remove(uploadId, exchange.caller).catch(() => undefined);
      throw error;
    }
  }

  /**
   * Whoever repeats a creation is told how far the upload is: with the same answer where more bytes were to come in any case, else,
   * as his request cannot become the answer that he wants, with the offset that his bytes do not begin at.
   */
  private createKeyed(exchange: UploadExchange, uploadId: string): Promise<void> {
    return this.answers.guard(exchange, uploadId, async () => {
      const opened = this.creations.open(exchange, uploadId, false);
      const known = await this.resources.findIfThere(uploadId, exchange.caller);
      if (known) checkSame(opened, known);
      this.answers.locate(exchange, uploadId);
      const { isLast } = opened.creation;
      if (known && !isLast) this.answers.received(exchange, known, true);
      else if (known?.isComplete) await this.repeat(exchange, uploadId);
      else await this.creations.take(opened, known ?? (await this.creations.begin(opened)));
    });
  }

  /** Compares the bytes with those of the file. @throws IDEMPOTENCY_KEY_REUSED */
  private async repeat(exchange: UploadExchange, uploadId: string): Promise<void> {
    const result = await this.uploads.raw(exchange, exchange.caller, uploadId).catch((error: unknown) => {
      throw error instanceof ServiceError && error.code === 'CONFLICT' ? isReused(error) : error;
    });
    this.answers.finished(exchange, uploadId, result);
  }
}

/** @throws IDEMPOTENCY_KEY_REUSED for a file of another name, type or length */
function checkSame({ creation }: OpenedCreation, known: UploadState): void {
  const { name, type } = noteOf(creation);
  const { length = known.length } = creation.head;
  const isSame = name === known.note.name && type === known.note.type && length === known.length;
  if (!isSame || known.protocol !== IETF_PROTOCOL) throw isReused();
}

function isReused(cause?: ServiceError): ServiceError {
  return new ServiceError('IDEMPOTENCY_KEY_REUSED', 'The key was used for another upload.', { cause });
}
