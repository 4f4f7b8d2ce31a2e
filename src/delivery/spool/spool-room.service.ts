import { Injectable } from '@nestjs/common';
import type { DurableBody } from '../../resilience/body-source.js';
import { AcceptedFiles } from './accepted-files.service.js';
import { SpoolOwner } from './spool-owner.service.js';
import { SpoolSpace } from './spool-space.service.js';

/** The spool as one who accepts sees it: what is in it, and whether more fits. */
@Injectable()
export class SpoolRoom {
  constructor(
    readonly files: AcceptedFiles,
    readonly space: SpoolSpace,
    readonly owner: SpoolOwner,
  ) {}

  /**
   * Keeps a body for an upload that is about to be promised, and gives the name of its file.
   * @throws what `AcceptedFiles.keep` throws; QUEUE_UNAVAILABLE where the folder holds files of another database
   */
  async keep(body: DurableBody, uploadId: string): Promise<string> {
    await this.owner.claim();
    const name = await this.files.keep(body, uploadId);
    try {
      await this.owner.confirm();
    } catch (error) {
      await this.files.remove(uploadId);
      throw error;
    }
    return name;
  }
}
