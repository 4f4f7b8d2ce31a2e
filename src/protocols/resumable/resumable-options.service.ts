import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { UploadLimits } from '../../ingest/upload-limits.js';
import { CHECKSUM_ALGORITHMS } from '../tus/tus-checksum.js';
import { TUS_VERSION } from '../tus/tus-headers.js';
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

  /** Of a file that is created by `PUT`, which tus does not know. */
  answerForFile(response: Response): void {
    response.status(200).set({ 'Upload-Limit': this.uploadLimit.ofNew, 'Content-Length': '0' }).end();
  }

  answer(response: Response): void {
    response
      .status(200)
      .set({
        'Tus-Resumable': TUS_VERSION,
        'Tus-Version': TUS_VERSION,
        'Tus-Extension': TUS_EXTENSIONS,
        'Tus-Max-Size': String(this.limits.maxFileBytes),
        'Tus-Checksum-Algorithm': CHECKSUM_ALGORITHMS.join(','),
        'Upload-Limit': this.uploadLimit.ofNew,
        'Content-Length': '0',
      })
      .end();
  }
}
