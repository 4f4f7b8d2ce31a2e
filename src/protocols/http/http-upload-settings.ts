import { Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../../config/environment.js';
import type { MultipartLimits } from '../form/multipart-parser.js';
import type { PaceLimits } from './client-pace.js';

/** How uploads may come by HTTP, in the form in which it is used. */
@Injectable()
export class HttpUploadSettings {
  /** Where clients reach the service; empty: as they asked. */
  readonly publicUrl: string;
  readonly maxFieldBytes: number;
  readonly multipart: MultipartLimits;
  readonly pace: PaceLimits;

  constructor(config: ConfigService<Environment, true>) {
    this.publicUrl = config.get('PUBLIC_URL', { infer: true }) ?? '';
    this.maxFieldBytes = config.get('MAX_FIELD_BYTES', { infer: true });
    this.multipart = {
      parts: config.get('MAX_PARTS', { infer: true }),
      headerBytes: config.get('MAX_PART_HEADER_BYTES', { infer: true }),
    };
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
