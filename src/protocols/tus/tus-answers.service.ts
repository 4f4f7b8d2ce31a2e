import { Injectable } from '@nestjs/common';
import type { UploadState } from '../../resumption/resumable-upload.js';
import { HttpUploadSettings } from '../http/http-upload-settings.js';
import { absoluteUrl, type UploadExchange } from '../http/upload-exchange.js';
import { uploadIdsOf } from './tus-parts.js';

/** What clients of tus are answered. */
@Injectable()
export class TusAnswers {
  constructor(private readonly settings: HttpUploadSettings) {}

  /** Tells where the upload is. */
  locate({ request, response }: UploadExchange, uploadId: string): void {
    const { publicUrl } = this.settings;
    response.setHeader('Location', absoluteUrl(request, publicUrl, `/api/v1/uploads/${uploadId}`));
  }

  /** The ids of the uploads that a client names as they were named to it. @throws VALIDATION_ERROR */
  uploadIdsIn(urls: readonly string[]): string[] {
    return uploadIdsOf(urls, this.settings.publicUrl);
  }

  /** What is known of an upload, for who asks. */
  look(exchange: UploadExchange, state: UploadState): void {
    const { response } = exchange;
    const { length, note } = state;
    if (length === undefined) response.setHeader('Upload-Defer-Length', '1');
    else response.setHeader('Upload-Length', length);
    if (note.metadata) response.setHeader('Upload-Metadata', note.metadata);
    if (note.concat) response.setHeader('Upload-Concat', note.concat);
    response.setHeader('Cache-Control', 'no-store');
    this.received(exchange, state, 200);
  }

  /** How far an upload is whose request has brought bytes, or might have. */
  received(exchange: UploadExchange, state: UploadState, status: number): void {
    exchange.response.setHeader('Upload-Offset', state.offset);
    this.created(exchange, state, status);
  }

  /** An upload is there. */
  created(exchange: UploadExchange, state: UploadState, status = 201): void {
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
