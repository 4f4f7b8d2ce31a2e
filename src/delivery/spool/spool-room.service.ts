import { Injectable } from '@nestjs/common';
import { AcceptedFiles } from './accepted-files.service.js';
import { SpoolSpace } from './spool-space.service.js';

/** The spool as one who accepts sees it: what is in it, and whether more fits. */
@Injectable()
export class SpoolRoom {
  constructor(
    readonly files: AcceptedFiles,
    readonly space: SpoolSpace,
  ) {}
}
