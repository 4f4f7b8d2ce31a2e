import { Injectable, Logger } from '@nestjs/common';
import { Deliveries } from '../../delivery/deliveries.service.js';
import type { NewPlacement } from '../../delivery/placement.js';
import type { UploadRecord } from '../../delivery/upload-record.js';
import { UploadsLedger } from '../../delivery/uploads-ledger.service.js';
import { ServiceError } from '../../errors/service-error.js';
import { toServiceError } from '../../errors/to-service-error.js';
import { Metrics } from '../../observability/metrics.service.js';
import { type PlacedFile, type PutCall, StorageGateway } from '../../storage/storage-gateway.service.js';
import { isTransient } from './transient-failure.js';
import { PossiblePlacements } from './possible-placements.js';
import { type KnownDescription, keptDescriptionOf } from '../receipts/receipts.js';
import type { FileToPlace } from '../file-to-place.js';
import { compareFields } from './repeated-upload.js';

/** Where the file of an upload came to: to a storage element, or into the spool with a promise. */
export type Placement =
  | {
      readonly kind: 'stored';
      readonly placed: PlacedFile;
      /** Where else it may be. */
      readonly copies: readonly NewPlacement[];
    }
  | { readonly kind: 'accepted'; readonly record: UploadRecord };

/** Finds a place for each file: a storage element, or else the spool, from which it is delivered later. */
@Injectable()
export class UploadPlacement {
  private readonly logger = new Logger(UploadPlacement.name);

  constructor(
    private readonly storage: StorageGateway,
    private readonly deliveries: Deliveries,
    private readonly ledger: UploadsLedger,
    private readonly metrics: Metrics,
  ) {}

  /**
   * Stores the file, or keeps it, as is wished. Where storing fails and another time may mend it, the rest of the file is
   * read and kept for later, if it may be; `unverified` are storage elements that could not be asked whether they have a
   * file of its id already.
   * @throws what storing failed with, where nothing can mend it; NO_STORAGE_AVAILABLE, EMPTY_FILE when no element is meant
   * for such files; SPOOL_FULL, QUEUE_UNAVAILABLE
   */
  async place(file: FileToPlace, unverified: readonly string[]): Promise<Placement> {
    const call = this.putCall(file);
    return file.wish === 'keep' ? this.keep(file, []) : this.store(call, file, unverified);
  }

  private async store(call: PutCall, file: FileToPlace, unverified: readonly string[]): Promise<Placement> {
    const mayKeep = file.wish !== 'store';
    const possible = new PossiblePlacements(file.body, unverified, file.progress);
    call.watcher = possible;
    try {
      const placed = await this.storage.put(call);
      const copies = possible.all.filter(({ target }) => target !== placed.target);
      return { kind: 'stored', placed, copies: mayKeep ? copies : [] };
    } catch (error) {
      // Nothing is kept that nobody will be told of; who has sent it under an id of his own sends it again.
      const waiting = !file.signal.aborted && !file.clientGone.aborted;
      if (!mayKeep || !waiting || !isTransient(error)) throw error;
      this.logger.warn(
        { err: error, upload_id: file.description.fileId },
        'a file that was not stored is kept for later',
      );
      return this.fallBack(call, file, possible.all, error);
    }
  }

  /**
   * Takes note of what is left to be done for a stored file; one that was accepted is registered when it is delivered.
   * Without the note that it is to be registered it must not stay, unless its id is the caller's: then another replica may
   * have acknowledged it, and who sends it again has it noted. Gives what is kept of its description.
   * @throws QUEUE_UNAVAILABLE, SPOOL_FULL
   */
  async followUp(
    placement: Placement,
    { description, body, idIsCallers, isKeyed }: FileToPlace,
  ): Promise<KnownDescription> {
    if (placement.kind !== 'stored') return description;
    const { placed, copies } = placement;
    try {
      const isNoted = await this.deliveries.followUp({
        file: description,
        digest: body.digest(),
        placed,
        idIsCallers,
        isKeyed,
        copies,
      });
      return isNoted ? description : keptDescriptionOf(placed.file, description);
    } catch (error) {
      if (!idIsCallers) await this.removeStored(placed);
      throw error;
    }
  }

  /** Undoes a placement that nobody will be told of, as far as that can be done. */
  async withdraw(placement: Placement, owner: string): Promise<void> {
    if (placement.kind === 'stored') return this.removeStored(placement.placed);
    const { uploadId } = placement.record;
    try {
      await this.ledger.cancel(uploadId, owner);
    } catch (error) {
      this.logger.warn({ err: error, upload_id: uploadId }, 'an unclaimed file will be delivered');
    }
  }

  private putCall({ description, body, signal, clientGone, idIsCallers }: FileToPlace): PutCall {
    const call = this.storage.putCall(description.retentionPolicy, description, body, signal);
    return { ...call, idIsCallers, abandoned: clientGone };
  }

  private async fallBack(
    { targets: [target = ''] }: PutCall,
    file: FileToPlace,
    placements: readonly NewPlacement[],
    storageError: ServiceError,
  ): Promise<Placement> {
    try {
      const { expectedLength, receivedBytes } = file.body;
      this.deliveries.admit(file.description.fileId, expectedLength, receivedBytes);
      const kept = await this.keep(file, placements);
      this.metrics.outbound.fellBack(target, 'spool', 'success');
      return kept;
    } catch (error) {
      this.deliveries.release(file.description.fileId);
      const failure = toServiceError(error);
      // A client that leaves or sends nonsense ends the upload, and says nothing of the spool.
      if (file.signal.aborted && failure.code !== 'SPOOL_FULL') throw error;
      this.metrics.outbound.fellBack(target, 'spool', 'failure');
      this.logger.warn(
        { err: error, upload_id: file.description.fileId },
        'a file that was not stored was not kept either',
      );
      throw whatCounts(storageError, failure);
    }
  }

  private async keep(file: FileToPlace, placements: readonly NewPlacement[]): Promise<Placement> {
    const { description, body, arrived, idIsCallers } = file;
    file.progress?.accepts();
    await Promise.race([body.whenLost, arrived]);
    const record = await this.deliveries.accept({
      uploadId: description.fileId,
      file: description,
      digest: body.digest(),
      body: body.durable,
      idIsCallers,
      placements,
    });
    // An old promise that was taken back: nothing was kept now.
    if (record.status === 'cancelled' || record.status === 'expired') throw usedUp();
    compareFields(file, record.file);
    return { kind: 'accepted', record };
  }

  private async removeStored({ target, file: { fileId } }: PlacedFile): Promise<void> {
    // Not the upload's own, which a shutdown may have aborted.
    const { signal } = new AbortController();
    try {
      await this.storage.remove({ targets: [target], fileId, signal });
    } catch (error) {
      this.logger.warn({ err: error, target, file_id: fileId }, 'an unclaimed file stays behind');
    }
  }
}

/**
 * What the client is told when a file was neither stored nor kept: that it was not kept, since that is the last thing
 * that could have helped. Only where the spool itself is broken, or is full while the storage says when it will be back,
 * what the storage failed with tells him more.
 */
function whatCounts(storing: ServiceError, keeping: ServiceError): ServiceError {
  if (keeping.code === 'INTERNAL_ERROR') return storing;
  return keeping.code === 'SPOOL_FULL' && storing.options.retryAfterMs !== undefined ? storing : keeping;
}

function usedUp(): ServiceError {
  return new ServiceError('CONFLICT', 'The upload of this id was given up; send the file under another one.');
}
