import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { UploadLimits } from '../../ingest/upload-limits.js';
import { UploadLimit } from './upload-limit.service.js';

const TUS_EXTENSIONS = [
  'creation',
  'creation-with-upload',
  'creation-defer-length',
  'termination',
  'checksum',
  'checksum-trailer',
  'expiration',
  'concatenation',
  'concatenation-unfinished',
].join(',');

/** Says what both protocols of resumable uploads can do here: to everybody, whichever of them he speaks. */
@Injectable()
export class ResumableOptions {
  constructor(
    private readonly limits: UploadLimits,
    private readonly uploadLimit: UploadLimit,
  ) {}

  answer(response: Response): void {
    response
      .status(200)
      .set({
        'Tus-Resumable': '1.0.0',
        'Tus-Version': '1.0.0',
        'Tus-Extension': TUS_EXTENSIONS,
        'Tus-Max-Size': String(this.limits.maxFileBytes),
        'Tus-Checksum-Algorithm': 'sha1,sha256,sha512,md5,crc32',
        'Upload-Limit': this.uploadLimit.ofAll,
        'Content-Length': '0',
      })
      .end();
  }
}
