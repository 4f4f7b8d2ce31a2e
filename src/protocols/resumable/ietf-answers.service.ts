import { HttpStatus, Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { ErrorCode } from '../../errors/catalogue.js';
import type { ServiceError } from '../../errors/service-error.js';
import { toServiceError } from '../../errors/to-service-error.js';
import type { UploadResult } from '../../ingest/upload-result.js';
import type { UploadState } from '../../resumption/resumable-upload.js';
import { UploadResources } from '../../resumption/upload-resources.service.js';
import { formatDigest } from '../http/digest-fields.js';
import { HttpUploadSettings } from '../http/http-upload-settings.js';
import { wantsFileDigest } from '../http/request-digests.js';
import { absoluteUrl, type UploadExchange } from '../http/upload-exchange.js';
import { UPLOAD_STATUSES } from '../http/upload-statuses.js';
import { sendUploadResumption } from './interim-response.js';
import { servedInteropVersion } from './interop-versions.js';
import { UploadLimit } from './upload-limit.service.js';

/** With these we stop, and keep the bytes that came. */
const STOPS: ReadonlySet<ErrorCode> = new Set(['SHUTTING_DOWN', 'UPLOAD_IN_PROGRESS']);

/** What clients of the IETF's resumable uploads are answered. */
@Injectable()
export class IetfAnswers {
  /** Answers before which the client was sent 104, or was told where its upload is. */
  private readonly announced = new WeakSet<Response>();

  constructor(
    private readonly settings: HttpUploadSettings,
    private readonly limit: UploadLimit,
    private readonly resources: UploadResources,
  ) {}

  /**
   * Says what is so of every answer: unless something else is said, the upload can be gone on with. A new one has all the time that
   * there is; how much of it is left to another is said once somebody has looked, as its end may not be told to move nearer.
   */
  greet({ request, response }: Pick<UploadExchange, 'request' | 'response'>, isCreation: boolean): void {
    response.setHeader('Upload-Complete', '?0');
    response.setHeader('Upload-Limit', isCreation ? this.limit.ofNew : this.limit.ofRequests);
    const version = servedInteropVersion(request);
    if (version !== undefined) response.setHeader('Upload-Draft-Interop-Version', String(version));
  }

  /** Takes back what `greet` has said. */
  takeLeave(response: Response): void {
    for (const name of ['Upload-Complete', 'Upload-Limit', 'Upload-Draft-Interop-Version'])
      response.removeHeader(name);
  }

  /** Tells where a new upload is before its bytes come, to a client that expects that. */
  announce({ request, response }: UploadExchange, uploadId: string): void {
    const version = servedInteropVersion(request);
    if (version === undefined) return;
    const isSent = sendUploadResumption(response, {
      Location: this.urlOf(request, uploadId),
      'Upload-Limit': this.limit.ofNew,
      'Upload-Draft-Interop-Version': String(version),
    });
    if (isSent) this.announced.add(response);
  }

  /** Tells how far the bytes are durable while more come, to a client that expects that; undefined for another one. */
  progressOf({ request, response }: UploadExchange): ((offset: number) => void) | undefined {
    const version = servedInteropVersion(request);
    if (version === undefined) return undefined;
    return (offset) => {
      const isSent = sendUploadResumption(response, {
        'Upload-Offset': String(offset),
        'Upload-Draft-Interop-Version': String(version),
      });
      if (isSent) this.announced.add(response);
    };
  }

  /** Was the client told where its upload is? */
  isAnnounced({ response }: UploadExchange): boolean {
    return this.announced.has(response);
  }

  /** Tells where the upload is. */
  locate({ request, response }: UploadExchange, uploadId: string): void {
    response.setHeader('Location', this.urlOf(request, uploadId));
  }

  /** How far an upload is, for who asks. */
  look(exchange: UploadExchange, state: UploadState): void {
    const { response } = exchange;
    this.tell(exchange, state);
    if (state.result) tellDigest(exchange, state.result);
    if (state.length !== undefined) response.setHeader('Upload-Length', String(state.length));
    response.setHeader('Cache-Control', 'no-store');
    response.status(HttpStatus.NO_CONTENT).end();
  }

  /** The bytes of a request are here, and others are still to come. */
  received(exchange: UploadExchange, state: UploadState, isNew: boolean): void {
    this.tell(exchange, state);
    if (isNew) this.locate(exchange, state.uploadId);
    exchange.response.status(isNew ? HttpStatus.CREATED : HttpStatus.NO_CONTENT).end();
  }

  /** All bytes are here: the answer is that of an upload in one request, again and again. */
  finished(exchange: UploadExchange, uploadId: string, result: UploadResult): void {
    const { request, response } = exchange;
    const { receipt, outcome, asPreferred = false } = result;
    response.setHeader('Upload-Complete', '?1');
    response.setHeader('Upload-Offset', String(receipt.size));
    response.setHeader('Upload-Limit', this.limit.ofRequests);
    response.setHeader(
      'Content-Location',
      absoluteUrl(request, this.settings.publicUrl, `/api/v1/files/${uploadId}`),
    );
    this.locate(exchange, uploadId);
    tellDigest(exchange, result);
    if (asPreferred) response.setHeader('Preference-Applied', 'respond-async');
    response.vary('Prefer').status(UPLOAD_STATUSES[outcome]).json(receipt);
  }

  /** The upload is gone. */
  removed({ response }: UploadExchange): void {
    response.removeHeader('Upload-Complete');
    response.status(HttpStatus.NO_CONTENT).end();
  }

  /**
   * Does `work`, and has a refusal say whether the upload can be gone on with. Whom we stop who was told where his upload is, is
   * not answered: some clients take an answer to the first request for the last word, and come back to a connection that breaks.
   */
  async guard(exchange: UploadExchange, uploadId: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const { response } = exchange;
      const failure = toServiceError(error);
      if (STOPS.has(failure.code) && this.isAnnounced(exchange)) {
        response.destroy();
        return;
      }
      if (await this.isFinal(failure, exchange, uploadId)) response.setHeader('Upload-Complete', '?1');
      else if (failure.code === 'SPOOL_FULL') await this.tellOffset(exchange, uploadId);
      else await this.tellLimit(exchange, uploadId);
      throw failure;
    }
  }

  /** It is complete once the last answer to it is known. */
  private tell({ response }: UploadExchange, state: UploadState): void {
    response.setHeader('Upload-Complete', state.result ? '?1' : '?0');
    response.setHeader('Upload-Offset', String(state.offset));
    response.setHeader('Upload-Limit', this.limit.of(state));
  }

  /** Where there is no room for all of a body, what is there of it counts: the client is told, and where to go on. */
  private async tellOffset(exchange: UploadExchange, uploadId: string): Promise<void> {
    const state = await this.resources.find(uploadId, exchange.caller).catch(() => undefined);
    if (!state) return;
    this.tell(exchange, state);
    this.locate(exchange, uploadId);
    this.announced.add(exchange.response);
  }

  /** How much time an upload has left whose request is refused; of one that is not there, what was said before holds. */
  private async tellLimit({ response, caller }: UploadExchange, uploadId: string): Promise<void> {
    const found = await this.resources.expiresAt(uploadId, caller).then(
      (expiresAtMs) => ({ expiresAtMs }),
      () => undefined,
    );
    if (found) response.setHeader('Upload-Limit', this.limit.of(found));
  }

  private async isFinal(
    failure: ServiceError,
    { caller }: UploadExchange,
    uploadId: string,
  ): Promise<boolean> {
    if (!failure.isCallers || STOPS.has(failure.code)) return false;
    if (failure.code === 'CONFLICT' || failure.code === 'IDEMPOTENCY_KEY_REUSED') return true;
    try {
      return await this.resources.hasEnded(uploadId, caller);
    } catch {
      // There is none, and of a type that is not taken there never will be.
      return failure.code === 'UNSUPPORTED_MEDIA_TYPE';
    }
  }

  private urlOf(request: Request, uploadId: string): string {
    return absoluteUrl(request, this.settings.publicUrl, `/api/v1/uploads/${uploadId}`);
  }
}

/** To who wants that; another digest than this one is not made for a wish. */
function tellDigest({ request, response }: UploadExchange, { receipt }: UploadResult): void {
  if (receipt.checksum === null || !wantsFileDigest(request, 'sha256')) return;
  response.setHeader('Repr-Digest', formatDigest({ algorithm: 'sha256', hex: receipt.checksum }));
}
