import { Injectable } from '@nestjs/common';
import type { Request } from 'express';
import { UploadResources } from '../../resumption/upload-resources.service.js';
import { invalidHeader } from '../http/invalid-header.js';
import type { ResumableProtocol, UploadExchange } from '../http/upload-exchange.js';
import { appendFieldsOf } from './ietf-append.js';
import { IetfAnswers } from './ietf-answers.service.js';
import { IetfBytes } from './ietf-bytes.service.js';
import { IETF_PROTOCOL } from './ietf-creations.service.js';
import { IetfPosts } from './ietf-posts.service.js';

/**
 * Resumable Uploads for HTTP (draft-ietf-httpbis-resumable-upload). One path serves all interop versions: a client that names one
 * of ours is sent interim responses, and no other is refused.
 */
@Injectable()
export class IetfProtocol implements ResumableProtocol {
  readonly name = IETF_PROTOCOL;

  constructor(
    private readonly resources: UploadResources,
    private readonly posts: IetfPosts,
    private readonly bytes: IetfBytes,
    private readonly answers: IetfAnswers,
  ) {}

  greet(exchange: UploadExchange): void {
    this.answers.greet(exchange, exchange.request.params.id === undefined);
  }

  /** The upload turned out to be of another protocol, which says other things of its answers. */
  takeLeave({ response }: UploadExchange): void {
    this.answers.takeLeave(response);
  }

  async create(exchange: UploadExchange): Promise<void> {
    await this.posts.create(exchange);
  }

  look(exchange: UploadExchange, uploadId: string): Promise<void> {
    return this.answers.guard(exchange, uploadId, async () => {
      checkAsksOnly(exchange.request);
      this.answers.look(exchange, await this.resources.find(uploadId, exchange.caller));
    });
  }

  append(exchange: UploadExchange, uploadId: string): Promise<void> {
    return this.answers.guard(exchange, uploadId, async () => {
      const plan = this.bytes.planOf(exchange, appendFieldsOf(exchange.request));
      await this.bytes.take(exchange, uploadId, plan, false);
    });
  }

  remove(exchange: UploadExchange, uploadId: string): Promise<void> {
    return this.answers.guard(exchange, uploadId, async () => {
      await this.resources.remove(uploadId, exchange.caller);
      this.answers.removed(exchange);
    });
  }
}

/** @throws VALIDATION_ERROR for a question that says what the answer would */
function checkAsksOnly({ headers }: Request): void {
  for (const name of ['Upload-Offset', 'Upload-Complete']) {
    if (headers[name.toLowerCase()] !== undefined)
      throw invalidHeader(name, 'is for uploads that bring bytes');
  }
}
