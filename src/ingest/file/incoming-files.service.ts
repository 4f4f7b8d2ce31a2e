import { Injectable } from '@nestjs/common';
import { BodySources } from '../../body/body-sources.service.js';
import { ContentHashService } from '../../body/content-hash.service.js';
import { UploadLimits } from '../upload-limits.js';
import type { FileHead } from '../upload-source.js';
import { IncomingFile } from './incoming-file.js';

/** Makes what takes the file of each upload; whoever begins one disposes of it. */
@Injectable()
export class IncomingFiles {
  constructor(
    private readonly limits: UploadLimits,
    private readonly hashes: ContentHashService,
    private readonly bodies: BodySources,
  ) {}

  /** @throws UNSUPPORTED_MEDIA_TYPE for a declared type that is not taken */
  begin({ contentType, length, expectedLength = length, declaredSha256 }: FileHead): IncomingFile {
    const { mediaTypes, maxFileBytes: maxBytes } = this.limits;
    mediaTypes.checkDeclared(contentType);
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
      contentType,
      expectedLength,
      declaredSha256,
    });
    return file;
  }
}
