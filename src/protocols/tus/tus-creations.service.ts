import { Injectable } from '@nestjs/common';
import { ServiceError } from '../../errors/service-error.js';
import { uploadIdOfKey } from '../../ingest/upload-id-of-key.js';
import { uuidV7 } from '../../observability/random-ids.js';
import type { NewUpload, UploadState } from '../../resumption/resumable-upload.js';
import { UploadCreations } from '../../resumption/upload-creations.service.js';
import { UploadResources } from '../../resumption/upload-resources.service.js';
import { idempotencyKey } from '../http/idempotency-key.js';
import { bodyBytes } from '../http/request-headers.js';
import type { UploadExchange } from '../http/upload-exchange.js';
import { TusAnswers } from './tus-answers.service.js';
import { TusBodies, type TusPlan } from './tus-bodies.service.js';
import {
  type Concat,
  concatOf,
  declaredLength,
  isOffsetStream,
  joinsOthers,
  textIn,
  wrongType,
} from './tus-headers.js';
import { headOf, readMetadata } from './tus-metadata.js';

/** Says who serves an upload, and labels metrics. */
export const TUS_PROTOCOL = 'tus';

/** A request that creates an upload, whose head was found good. */
interface TusCreation {
  readonly wanted: NewUpload;
  /** What is to be done with the body; undefined where there is none. */
  readonly plan: TusPlan | undefined;
  /** Does the client know the upload again by a key? */
  readonly isKeyed: boolean;
}

/** Creates uploads, with the bytes that come with the request. */
@Injectable()
export class TusCreations {
  constructor(
    private readonly creations: UploadCreations,
    private readonly resources: UploadResources,
    private readonly bodies: TusBodies,
    private readonly answers: TusAnswers,
  ) {}

  async create(exchange: UploadExchange): Promise<void> {
    const { wanted, plan, isKeyed } = this.read(exchange);
    const { uploadId } = wanted;
    const known = isKeyed ? await this.createdBefore(exchange, wanted) : undefined;
    const state = known ?? (await this.creations.create(wanted));
    this.answers.locate(exchange, uploadId);
    // Whoever repeats a creation whose answer was lost goes on where it is.
    if (known) return this.answers.received(exchange, known, 201);
    if (!plan && !state.isComplete && wanted.kind !== 'joined') return this.answers.created(exchange, state);
    const taken = await this.bodies
      .take(exchange, uploadId, plan ?? (() => undefined))
      .catch((error: unknown) => this.withdraw(exchange, uploadId, { error, isKeyed }));
    if (plan) this.answers.received(exchange, taken, 201);
    else this.answers.created(exchange, taken);
  }

  /** Looks at the head of a request. @throws FORBIDDEN, VALIDATION_ERROR, FILE_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE */
  private read(exchange: UploadExchange): TusCreation {
    const { request, caller } = exchange;
    const { headers } = request;
    const length = joinsOthers(headers) ? undefined : declaredLength(headers);
    this.bodies.checkLength(length);
    const metadata = textIn(headers, 'Upload-Metadata') ?? '';
    const file = headOf(readMetadata(metadata), length);
    const concat = concatOf(headers);
    const parts = concat.kind === 'joined' ? this.answers.uploadIdsIn(concat.urls) : [];
    const plan = this.planOf(exchange, concat, length);
    const key = idempotencyKey(request);
    const uploadId = key === undefined ? uuidV7() : uploadIdOfKey(caller.subject, key);
    const note = { metadata, concat: textIn(headers, 'Upload-Concat') ?? '' };
    const wanted = { uploadId, protocol: TUS_PROTOCOL, caller, kind: concat.kind, parts, ...file, note };
    const isKeyed = key !== undefined;
    const unseenBytes = isKeyed ? undefined : bodyBytes(request);
    return { wanted: { ...wanted, isIdNew: !isKeyed, unseenBytes }, plan, isKeyed };
  }

  /**
   * What is to be done with the body of a creation, where it has one. An empty one of the type that tus has for bodies is one.
   * @throws FORBIDDEN, UNSUPPORTED_MEDIA_TYPE, FILE_TOO_LARGE, VALIDATION_ERROR
   */
  private planOf(
    exchange: UploadExchange,
    { kind }: Concat,
    length: number | undefined,
  ): TusPlan | undefined {
    const { request } = exchange;
    const isEmpty = bodyBytes(request) === 0;
    if (kind === 'joined' && !isEmpty)
      throw new ServiceError('FORBIDDEN', 'An upload that is joined of others takes no bytes.');
    const isTyped = isOffsetStream(request.headers);
    if (kind === 'joined' || (isEmpty && !isTyped)) return undefined;
    if (!isTyped) throw wrongType();
    return this.bodies.planOfCreation(exchange, length);
  }

  /** The upload that the same caller has created before, by the same key. @throws IDEMPOTENCY_KEY_REUSED */
  private async createdBefore(
    { caller }: UploadExchange,
    { uploadId, head, note }: NewUpload,
  ): Promise<UploadState | undefined> {
    const known = await this.resources.findIfThere(uploadId, caller);
    if (!known) return undefined;
    const isSame = note.metadata === known.note.metadata && note.concat === known.note.concat;
    if (isSame && (head.length ?? known.length) === known.length) return known;
    throw new ServiceError('IDEMPOTENCY_KEY_REUSED', 'The key was used for another upload.');
  }

  /**
   * An upload of which nobody was told is created again as another one: it must not find its place later. One with a key is found
   * again.
   */
  private async withdraw(
    { caller }: UploadExchange,
    uploadId: string,
    { error, isKeyed }: { error: unknown; isKeyed: boolean },
  ): Promise<never> {
    if (!isKeyed) await this.resources.withdraw(uploadId, caller).catch(() => undefined);
    throw error;
  }
}
