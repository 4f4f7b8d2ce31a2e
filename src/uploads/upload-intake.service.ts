import { Injectable } from '@nestjs/common';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { BodySources } from '../body/body-sources.service.js';
import { ContentHashService } from '../body/content-hash.service.js';
import { IncomingFile } from './incoming-file.js';
import { MultipartUpload } from './multipart-upload.js';
import { RawUpload } from './raw-upload.js';
import {
  checkBodyThere,
  checkContentLength,
  checkIdentity,
  contentLength,
  declaredSha256,
  dispositionFilename,
  multipartBoundary,
  rawContentType,
} from './request-headers.js';
import { readUploadFields } from './upload-fields.js';
import type { Incoming } from './upload-reception.js';
import { UploadSettings } from './upload-settings.js';

interface DeclaredFile {
  readonly contentType: string;
  /** Bytes of the file, where they are known. */
  readonly length?: number;
  /** Bytes that the rest of the body has room for, where the file's own number is not known. */
  readonly expectedLength?: number;
  readonly declaredSha256?: string;
}

/** Decides by a request's headers whether its body is read at all, and what reads it; nothing is opened before that. */
@Injectable()
export class UploadIntake {
  constructor(
    private readonly settings: UploadSettings,
    private readonly hashes: ContentHashService,
    private readonly bodies: BodySources,
  ) {}

  /** Is what cannot be stored now kept for later? */
  get deliversLater(): boolean {
    return this.settings.deliversLater;
  }

  /** @throws UNSUPPORTED_MEDIA_TYPE, MALFORMED_MULTIPART, FILE_TOO_LARGE */
  multipart(request: IncomingMessage, response: ServerResponse): Incoming {
    const { settings } = this;
    const boundary = multipartBoundary(request);
    checkIdentity(request);
    checkContentLength(request, settings.maxFileBytes, settings.multipartOverheadBytes);
    return this.incoming(request, response, (onBegun) => {
      return new MultipartUpload({
        boundary,
        limits: settings.multipart,
        fieldBytes: settings.maxFieldBytes,
        openFile: (contentType, otherBytes) => {
          settings.mediaTypes.checkDeclared(contentType);
          const bodyBytes = contentLength(request);
          const expectedLength = bodyBytes === undefined ? undefined : Math.max(0, bodyBytes - otherBytes);
          return this.openFile({ contentType, expectedLength });
        },
        onBegun,
      });
    });
  }

  /** @throws UNSUPPORTED_MEDIA_TYPE, VALIDATION_ERROR, FILE_TOO_LARGE, EMPTY_FILE */
  raw(request: IncomingMessage, response: ServerResponse): Incoming {
    const { settings } = this;
    checkIdentity(request);
    checkContentLength(request, settings.maxFileBytes);
    checkBodyThere(request);
    const contentType = rawContentType(request);
    settings.mediaTypes.checkDeclared(contentType);
    const filename = dispositionFilename(request);
    const length = contentLength(request);
    const declared = { contentType, length, declaredSha256: declaredSha256(request) };
    return this.incoming(request, response, (onBegun) => {
      const file = this.openFile(declared);
      onBegun({ fields: readUploadFields(new Map()), filename, contentType, file });
      return new RawUpload(file);
    });
  }

  private incoming(
    request: IncomingMessage,
    response: ServerResponse,
    openConsumer: Incoming['openConsumer'],
  ): Incoming {
    return { request, response, pace: this.settings.pace, openConsumer };
  }

  private openFile(declared: DeclaredFile): IncomingFile {
    const { mediaTypes, maxFileBytes: maxBytes } = this.settings;
    const { length, expectedLength = length } = declared;
    const file: IncomingFile = new IncomingFile({
      body: this.bodies.begin({
        length,
        expectedLength,
        observer: {
          spooled: (spoolFile, bytes) => file.spooled(spoolFile, bytes),
          spoolFailed: (error) => file.spoolFailed(error),
        },
      }),
      hash: this.hashes.start(expectedLength),
      maxBytes,
      mediaTypes,
      contentType: declared.contentType,
      expectedLength,
      declaredSha256: declared.declaredSha256,
    });
    return file;
  }
}
