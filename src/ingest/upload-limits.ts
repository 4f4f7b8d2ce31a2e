import { Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../config/environment.js';
import { fileTooLarge } from './file/incoming-file.js';
import { MediaTypes, SNIFF_BYTES } from './file/media-types.js';

/** What every upload has to keep to, whatever brings it. */
@Injectable()
export class UploadLimits {
  readonly maxFileBytes: number;
  readonly mediaTypes: MediaTypes;
  /** So many first bytes of a file are enough to recognise its type. */
  readonly sniffBytes = SNIFF_BYTES;

  constructor(config: ConfigService<Environment, true>) {
    this.maxFileBytes = config.get('MAX_FILE_BYTES', { infer: true });
    this.mediaTypes = new MediaTypes(config.get('ALLOWED_MEDIA_TYPES', { infer: true }));
  }

  /** Refuses what is too large before a byte is read; at most `otherBytes` of it are not the file's. @throws FILE_TOO_LARGE */
  checkDeclaredBytes(declaredBytes: number | undefined, otherBytes = 0): void {
    if ((declaredBytes ?? 0) > this.maxFileBytes + otherBytes) throw fileTooLarge(this.maxFileBytes);
  }

  /** @throws UNSUPPORTED_MEDIA_TYPE */
  checkDeclaredType(contentType: string): void {
    this.mediaTypes.checkDeclared(contentType);
  }
}
