import { Injectable } from '@nestjs/common';
import { BodySources } from '../../body/body-sources.service.js';
import { BodyHashes } from '../../body/body-hashes.service.js';
import { UploadLimits } from '../upload-limits.js';
import type { FileHead } from '../upload-source.js';
import { IncomingFile } from './incoming-file.js';
import type { ContentPlaces } from './streamed-content.js';

/** Makes what takes the file of each upload; whoever begins one disposes of it. */
@Injectable()
export class IncomingFiles {
  private readonly places: ContentPlaces;

  constructor(
    private readonly limits: UploadLimits,
    hashes: BodyHashes,
    bodies: BodySources,
  ) {
    this.places = { bodies, hashes, mediaTypes: limits.mediaTypes };
  }

  /** @throws UNSUPPORTED_MEDIA_TYPE for a declared type that is not taken */
  begin(head: FileHead): IncomingFile {
    this.limits.checkDeclaredType(head.contentType);
    return new IncomingFile({ places: this.places, maxBytes: this.limits.maxFileBytes, head });
  }
}
