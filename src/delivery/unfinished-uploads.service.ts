import { Injectable } from '@nestjs/common';
import { StorageGateway } from '../storage/storage-gateway.service.js';
import { checkpointFrom, type SavedCheckpoint } from './worker/saved-checkpoint.js';

/** What deliveries have begun at an element and will not go on with: it is not to lie there until somebody sweeps. */
@Injectable()
export class UnfinishedUploads {
  constructor(private readonly storage: StorageGateway) {}

  /** Has an upload removed that nobody goes on with. Does not wait for it, and never fails. */
  discard(checkpoint: SavedCheckpoint | undefined): void {
    if (checkpoint) this.storage.discard(checkpoint.target, checkpoint.state);
  }

  /** The same with what the row of a task says, which has ended for good. */
  discardOf({ checkpoint }: { readonly checkpoint: string | null }): void {
    this.discard(checkpointFrom(checkpoint));
  }
}
