import { Injectable } from '@nestjs/common';
import { BodyHashes } from '../body/body-hashes.service.js';
import { BodySources } from '../body/body-sources.service.js';

/** What uploads make of their bytes: their hash, and their share of the memory of all bodies. */
@Injectable()
export class UploadBodies {
  constructor(
    readonly hashes: BodyHashes,
    readonly sources: BodySources,
  ) {}
}
