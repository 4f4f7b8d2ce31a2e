import { Injectable } from '@nestjs/common';
import type { UploadState } from '../../resumption/resumable-upload.js';
import { UploadCreations } from '../../resumption/upload-creations.service.js';
import { bodyBytes } from '../http/request-headers.js';
import type { UploadExchange } from '../http/upload-exchange.js';
import type { AppendPlan } from './ietf-append.js';
import { IetfAnswers } from './ietf-answers.service.js';
import { IetfBytes } from './ietf-bytes.service.js';
import { type Creation, creationOf } from './ietf-creation.js';
import { servedInteropVersion } from './interop-versions.js';
import { UploadLimit } from './upload-limit.service.js';

/** Says who serves an upload, and labels metrics. */
export const IETF_PROTOCOL = 'resumable';

/** A request that creates an upload, whose head was found good. */
export interface OpenedCreation {
  readonly exchange: UploadExchange;
  readonly uploadId: string;
  readonly creation: Creation;
  readonly plan: AppendPlan;
  /** Was the id made for this request? */
  readonly isIdNew: boolean;
}

/** Creates uploads, with the bytes that come with the request. */
@Injectable()
export class IetfCreations {
  constructor(
    private readonly creations: UploadCreations,
    private readonly bytes: IetfBytes,
    private readonly answers: IetfAnswers,
    private readonly limit: UploadLimit,
  ) {}

  /** Looks at the head of a request. @throws as `creationOf` */
  open(exchange: UploadExchange, uploadId: string, isIdNew: boolean): OpenedCreation {
    const { request } = exchange;
    const creation = creationOf(request, this.limit);
    const { isLast, head } = creation;
    const fields = {
      offset: 0,
      isLast,
      length: head.length,
      bodyBytes: bodyBytes(request),
      isCreation: true,
    };
    const plan = this.bytes.planOf(exchange, fields, () => this.answers.announce(exchange, uploadId));
    return { exchange, uploadId, creation, plan, isIdNew };
  }

  /** Creates the upload. @throws as `UploadCreations.create` */
  begin({ exchange, uploadId, creation, plan, isIdNew }: OpenedCreation): Promise<UploadState> {
    const { head, digests, endsWhenTold, isLast } = creation;
    const { caller, request } = exchange;
    // A client that is sent 104 knows where its upload is before its bytes are here.
    const isUnseen = isIdNew && isLast && servedInteropVersion(request) === undefined;
    return this.creations.create({
      uploadId,
      protocol: IETF_PROTOCOL,
      caller,
      kind: 'file',
      head,
      digests,
      endsWhenTold,
      note: noteOf(creation),
      isIdNew,
      unseenBytes: isUnseen ? plan.fields.bodyBytes : undefined,
    });
  }

  /** Takes the bytes that came with the creation; there may be none yet. @throws as `IetfBytes.take` */
  async take({ exchange, uploadId, creation, plan }: OpenedCreation, state: UploadState): Promise<void> {
    const hasNothing = !creation.isLast && plan.fields.bodyBytes === 0 && state.offset === 0;
    if (hasNothing) this.answers.received(exchange, state, true);
    else await this.bytes.take(exchange, uploadId, plan, true);
  }
}

/** What tells, beside its bytes, whether a creation that is repeated is the same one. */
export function noteOf({ head }: Creation): { readonly name: string; readonly type: string } {
  return { name: head.filename ?? '', type: head.contentType };
}
