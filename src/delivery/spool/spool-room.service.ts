import { Injectable } from '@nestjs/common';
import type { DurableBody } from '../../resilience/body-source.js';
import { AcceptedFiles, type KeptFile } from './accepted-files.service.js';
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
   * Keeps a body of so many bytes for an upload that is about to be promised. The room that the upload has reserved, or
   * gets now, becomes room of its file.
   * @throws SPOOL_FULL, and what `AcceptedFiles.keep` throws; QUEUE_UNAVAILABLE where the folder holds files of another
   * database
   */
  async keep(body: DurableBody, uploadId: string, bytes: number): Promise<KeptFile> {
    const release = (): void => this.space.release(uploadId);
    this.space.admit(uploadId, bytes, bytes);
    let kept: KeptFile;
    try {
      await this.owner.claim();
      kept = await this.files.keep(body, uploadId, release);
    } finally {
      release();
    }
    try {
      await this.owner.confirm();
    } catch (error) {
      await this.files.discard(kept);
      throw error;
    }
    return kept;
  }

  /**
   * Removes what lies there for an upload and is promised to nobody; who has kept it and not begun to promise it finds it
   * gone, and does not. False where it is just being promised. Files of another database stay.
   * @throws QUEUE_UNAVAILABLE, Error of the file system
   */
  async clear(uploadId: string): Promise<boolean> {
    if (!(await this.owner.isOurs())) return true;
    return (await this.files.remove(uploadId)) || !(await this.files.has(uploadId));
  }
}
