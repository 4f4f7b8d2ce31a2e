import { Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import type { PaceLimits } from './client-pace.js';
import { MediaTypes } from './media-types.js';
import type { MultipartLimits } from './multipart-parser.js';

/** The limits of uploads, in the form in which they are used. */
@Injectable()
export class UploadSettings {
  readonly maxFileBytes: number;
  readonly maxFieldBytes: number;
  readonly multipart: MultipartLimits;
  readonly mediaTypes: MediaTypes;
  readonly pace: PaceLimits;
  /** Is what cannot be stored now kept for later? */
  readonly deliversLater: boolean;

  constructor(config: ConfigService<Environment, true>) {
    this.maxFileBytes = config.get('MAX_FILE_BYTES', { infer: true });
    this.maxFieldBytes = config.get('MAX_FIELD_BYTES', { infer: true });
    this.multipart = {
      parts: config.get('MAX_PARTS', { infer: true }),
      headerBytes: config.get('MAX_PART_HEADER_BYTES', { infer: true }),
    };
    this.mediaTypes = new MediaTypes(config.get('ALLOWED_MEDIA_TYPES', { infer: true }));
    this.deliversLater = config.get('DELIVER_LATER', { infer: true });
    this.pace = {
      idleMs: config.get('CLIENT_IDLE_TIMEOUT_MS', { infer: true }),
      minBytesPerSecond: config.get('CLIENT_MIN_BYTES_PER_SECOND', { infer: true }),
      windowMs: config.get('CLIENT_MIN_RATE_WINDOW_MS', { infer: true }),
    };
  }

  /** Most bytes that a multipart body has beside its file. */
  get multipartOverheadBytes(): number {
    return this.multipart.parts * (this.maxFieldBytes + this.multipart.headerBytes);
  }
}
