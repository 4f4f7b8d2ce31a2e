import { Injectable } from '@nestjs/common';
import { ServiceError } from '../../errors/service-error.js';
import { uploadIdOfKey } from '../../ingest/upload-id-of-key.js';
import { uuidV7 } from '../../observability/random-ids.js';
import type { Append, BodyCheck, NewUpload, UploadState } from '../../resumption/resumable-upload.js';
import { type AppendOutcome, UploadAppends } from '../../resumption/upload-appends.service.js';
import { UploadCreations } from '../../resumption/upload-creations.service.js';
import { UploadResources } from '../../resumption/upload-resources.service.js';
import { HttpUploadSettings } from '../http/http-upload-settings.js';
import { idempotencyKey } from '../http/idempotency-key.js';
import { announcesTrailer, bodyBytes } from '../http/request-headers.js';
import {
  absoluteUrl,
  forBringer,
  pumpOf,
  type ResumableProtocol,
  type UploadExchange,
} from '../http/upload-exchange.js';
import { planOf } from './tus-appends.js';
import { checkBody, readChecksum } from './tus-checksum.js';
import {
  bytesIn,
  type Concat,
  concatOf,
  declaredLength,
  isOffsetStream,
  TUS_VERSION,
  textIn,
  wrongType,
} from './tus-headers.js';
import { headOf, readMetadata } from './tus-metadata.js';
import { uploadIdsOf } from './tus-parts.js';

const PATH = '/api/v1/uploads';

/** tus 1.0 (https://tus.io/protocols/resumable-upload): core, and all of its extensions. */
@Injectable()
export class TusProtocol implements ResumableProtocol {
  readonly name = 'tus';

  constructor(
    private readonly creations: UploadCreations,
    private readonly resources: UploadResources,
    private readonly appends: UploadAppends,
    private readonly settings: HttpUploadSettings,
  ) {}

  /** @throws TUS_VERSION_UNSUPPORTED for a request of another version, and for one without */
  greet({ request, response }: UploadExchange): void {
    response.setHeader('Tus-Resumable', TUS_VERSION);
    if (request.headers['tus-resumable'] === TUS_VERSION) return;
    response.setHeader('Tus-Version', TUS_VERSION);
    throw new ServiceError(
      'TUS_VERSION_UNSUPPORTED',
      `The request must have \`Tus-Resumable: ${TUS_VERSION}\`.`,
    );
  }

  async create(exchange: UploadExchange): Promise<void> {
    const { request, response } = exchange;
    const concat = concatOf(request.headers);
    const length = concat.kind === 'joined' ? noLength(exchange) : declaredLength(request.headers);
    const plan = concat.kind === 'joined' ? undefined : this.planOfCreation(exchange, length);
    const wanted = this.wanted(exchange, concat, length);
    const { uploadId } = wanted;
    const known = await this.createdBefore(exchange, wanted);
    const state = known ?? (await this.creations.create(wanted));
    response.setHeader('Location', absoluteUrl(request, this.settings.publicUrl, `${PATH}/${uploadId}`));
    if (known) return this.answerRepeated(exchange, known);
    if (!plan && !state.isComplete && concat.kind !== 'joined') return this.answer(exchange, state, 201);
    const created = await this.take(exchange, uploadId, plan ?? (() => undefined)).catch((error: unknown) =>
      this.withdraw(exchange, uploadId, error),
    );
    if (plan) response.setHeader('Upload-Offset', created.state.offset);
    return this.answer(exchange, created.state, 201);
  }

  async look(exchange: UploadExchange, uploadId: string): Promise<void> {
    const { request, response, caller } = exchange;
    if (request.method === 'GET') {
      throw new ServiceError('METHOD_NOT_ALLOWED', 'A tus upload cannot be read.', {
        headers: { Allow: 'HEAD, PATCH, DELETE, POST, OPTIONS' },
      });
    }
    const state = await this.resources.find(uploadId, caller);
    const { offset, length, note } = state;
    response.setHeader('Upload-Offset', offset);
    if (length === undefined) response.setHeader('Upload-Defer-Length', '1');
    else response.setHeader('Upload-Length', length);
    if (note.metadata) response.setHeader('Upload-Metadata', note.metadata);
    if (note.concat) response.setHeader('Upload-Concat', note.concat);
    response.setHeader('Cache-Control', 'no-store');
    this.answer(exchange, state, 200);
  }

  async append(exchange: UploadExchange, uploadId: string): Promise<void> {
    const { headers } = exchange.request;
    const offset = bytesIn(headers, 'Upload-Offset');
    const plan = this.planOfBody(exchange, offset);
    const { state } = await this.take(exchange, uploadId, plan).catch((error: unknown) =>
      this.withOffset(exchange, uploadId, error),
    );
    exchange.response.setHeader('Upload-Offset', state.offset);
    this.answer(exchange, state, 204);
  }

  /** Where there is no room for all of a body, what is there of it counts: the client is told, so that it need not ask. */
  private async withOffset(
    { response, caller }: UploadExchange,
    uploadId: string,
    error: unknown,
  ): Promise<never> {
    if (error instanceof ServiceError && error.code === 'SPOOL_FULL') {
      const state = await this.resources.find(uploadId, caller).catch(() => undefined);
      if (state) response.setHeader('Upload-Offset', state.offset);
    }
    throw error;
  }

  async remove({ response, caller }: UploadExchange, uploadId: string): Promise<void> {
    await this.resources.remove(uploadId, caller);
    response.status(204).end();
  }

  /** The upload that the same caller has created before, by the same key. @throws IDEMPOTENCY_KEY_REUSED */
  private async createdBefore(
    { request, caller }: UploadExchange,
    { uploadId, head, note }: NewUpload,
  ): Promise<UploadState | undefined> {
    if (idempotencyKey(request) === undefined) return undefined;
    const known = await this.resources.findIfThere(uploadId, caller);
    if (!known) return undefined;
    const isSame = note.metadata === known.note.metadata && note.concat === known.note.concat;
    if (isSame && (head.length ?? known.length) === known.length) return known;
    throw new ServiceError('IDEMPOTENCY_KEY_REUSED', 'The key was used for another upload.');
  }

  private wanted({ request, caller }: UploadExchange, concat: Concat, length: number | undefined): NewUpload {
    const metadata = textIn(request.headers, 'Upload-Metadata') ?? '';
    const key = idempotencyKey(request);
    const uploadId = key === undefined ? uuidV7() : uploadIdOfKey(caller.subject, key);
    return {
      uploadId,
      protocol: this.name,
      caller,
      kind: concat.kind,
      parts: concat.kind === 'joined' ? uploadIdsOf(concat.urls, `${PATH}/`) : [],
      ...headOf(readMetadata(metadata), length),
      note: { metadata, concat: textIn(request.headers, 'Upload-Concat') ?? '' },
    };
  }

  /** What is to be done with the body of a creation, where it has one. @throws UNSUPPORTED_MEDIA_TYPE, FILE_TOO_LARGE, VALIDATION_ERROR */
  private planOfCreation(
    exchange: UploadExchange,
    length: number | undefined,
  ): ((state: UploadState) => Append | undefined) | undefined {
    const { request } = exchange;
    const isTyped = isOffsetStream(request.headers);
    if (bodyBytes(request) === 0 && !isTyped) return undefined;
    if (!isTyped) throw wrongType();
    if (length !== undefined && (bodyBytes(request) ?? 0) > length) throw tooMuch(length);
    checkOf(exchange);
    return this.planOfBody(exchange, 0);
  }

  /**
   * An upload of which nobody was told is created again as another one: it must not find its place later.
   */
  private async withdraw({ caller }: UploadExchange, uploadId: string, error: unknown): Promise<never> {
    await this.resources.withdraw(uploadId, caller).catch(() => undefined);
    throw error;
  }

  /** What is to be done with a body, by what the upload is when it is its turn. @throws VALIDATION_ERROR */
  private planOfBody(
    exchange: UploadExchange,
    offset: number | undefined,
  ): (state: UploadState) => Append | undefined {
    const { request } = exchange;
    const { headers } = request;
    return planOf({
      offset,
      length: bytesIn(headers, 'Upload-Length'),
      declaredBytes: bodyBytes(request),
      isOffsetStream: isOffsetStream(headers),
      check: () => checkOf(exchange),
      pump: pumpOf(exchange, this.settings.pace),
    });
  }

  private take(
    exchange: UploadExchange,
    uploadId: string,
    plan: (state: UploadState) => Append | undefined,
  ): Promise<AppendOutcome> {
    return forBringer(exchange, (bringer) => this.appends.append(uploadId, bringer, plan));
  }

  /** Whoever repeats a creation whose answer was lost goes on where it is. */
  private answerRepeated(exchange: UploadExchange, known: UploadState): void {
    exchange.response.setHeader('Upload-Offset', known.offset);
    this.answer(exchange, known, 201);
  }

  private answer(exchange: UploadExchange, state: UploadState, status: number): void {
    const { response } = exchange;
    if (state.expiresAtMs !== undefined)
      response.setHeader('Upload-Expires', new Date(state.expiresAtMs).toUTCString());
    if (state.result) this.linkReceipt(exchange, state.uploadId);
    if (status === 204) response.status(status).end();
    else response.status(status).setHeader('Content-Length', 0).end();
  }

  private linkReceipt({ request, response }: UploadExchange, uploadId: string): void {
    const receipt = absoluteUrl(request, this.settings.publicUrl, `/api/v1/files/${uploadId}`);
    response.setHeader('Content-Location', receipt);
    response.append('Link', `<${receipt}>; rel="describedby"`);
  }
}

function checkOf({ request }: UploadExchange): BodyCheck | undefined {
  const header = textIn(request.headers, 'Upload-Checksum');
  const late = (): string | undefined => request.trailers['upload-checksum'];
  return checkBody(
    header === undefined ? undefined : readChecksum(header),
    announcesTrailer(request, 'Upload-Checksum') ? late : undefined,
  );
}

/** The length of a joined upload is that of its parts. @throws VALIDATION_ERROR */
function noLength({ request: { headers } }: UploadExchange): undefined {
  if (textIn(headers, 'Upload-Length') === undefined && textIn(headers, 'Upload-Defer-Length') === undefined)
    return;
  throw new ServiceError(
    'VALIDATION_ERROR',
    'An upload that is joined of others has their length, and declares none.',
  );
}

function tooMuch(length: number): ServiceError {
  return new ServiceError(
    'FILE_TOO_LARGE',
    `The body has more than the ${length} bytes that the upload has.`,
  );
}
