import { Injectable } from '@nestjs/common';
import { StorageGateway } from '../storage/storage-gateway.service.js';
import { AcceptedFiles } from './spool/accepted-files.service.js';
import { checkpointFrom, type SavedCheckpoint } from './worker/saved-checkpoint.js';

/**
 * What deliveries have kept for another try, and need no more once they have ended: files in the spool, and what was begun at an
 * element, which is not to lie there until somebody sweeps.
 */
@Injectable()
export class UnfinishedUploads {
  constructor(
    private readonly storage: StorageGateway,
    readonly files: AcceptedFiles,
  ) {}

  /** Has an upload removed that nobody goes on with. Does not wait for it, and never fails. */
  discard(checkpoint: SavedCheckpoint | undefined): void {
    if (checkpoint) this.storage.discard(checkpoint);
  }

  /** The same with what the row of a task says, which has ended for good. */
  discardOf({ checkpoint }: { readonly checkpoint: string | null }): void {
    this.discard(checkpointFrom(checkpoint));
  }
}
