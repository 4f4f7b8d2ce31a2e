import { Injectable, Logger } from '@nestjs/common';
import { Deliveries } from '../delivery/deliveries.service.js';
import type { NewPlacement } from '../delivery/placement.js';
import type { UploadRecord } from '../delivery/upload-record.js';
import { UploadsLedger } from '../delivery/uploads-ledger.service.js';
import { ServiceError } from '../errors/service-error.js';
import { toServiceError } from '../errors/to-service-error.js';
import { Metrics } from '../observability/metrics.service.js';
import type { FileDescription } from '../storage/storage-element.js';
import { type PlacedFile, type PutCall, StorageGateway } from '../storage/storage-gateway.service.js';
import { isMendable } from './mendable-failure.js';
import { PossiblePlacements } from './possible-placements.js';
import { type KnownDescription, keptDescriptionOf } from './receipts.js';
import type { UploadUnderWay } from './upload-reception.js';

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
   * Stores the file; where that fails and another time may mend it, the rest of the file is read and kept for later,
   * unless it may not be.
   * @throws what storing failed with, where nothing can mend it; SPOOL_FULL, QUEUE_UNAVAILABLE
   */
  async store(description: FileDescription, upload: UploadUnderWay, mayKeep: boolean): Promise<Placement> {
    const call = this.putCall(description, upload);
    const possible = new PossiblePlacements(upload.file, upload.repeatable?.unverified);
    call.watcher = possible;
    try {
      const placed = await this.storage.put(call);
      const copies = possible.all.filter(({ target }) => target !== placed.target);
      return { kind: 'stored', placed, copies: mayKeep ? copies : [] };
    } catch (error) {
      // Nothing is kept that nobody will be told of; who has sent it under an id of his own sends it again.
      const waiting = !upload.signal.aborted && !upload.departed.aborted;
      if (!mayKeep || !waiting || !isMendable(error)) throw error;
      this.logger.warn(
        { err: error, upload_id: description.fileId },
        'a file that was not stored is kept for later',
      );
      return this.fallBack(call, upload, possible.all, error);
    }
  }

  /**
   * Keeps the file for later without calling the storage, at the client's wish.
   * @throws NO_STORAGE_AVAILABLE, EMPTY_FILE when no element is meant for such files; SPOOL_FULL, QUEUE_UNAVAILABLE
   */
  async accept(description: FileDescription, upload: UploadUnderWay): Promise<Placement> {
    this.putCall(description, upload);
    return this.keep(description, upload, []);
  }

  /**
   * Takes note of what is left to be done for a stored file; one that was accepted is registered when it is delivered.
   * Without the note that it is to be registered it must not stay, unless its id is the caller's: then another replica may
   * have acknowledged it, and who sends it again has it noted. Gives what is kept of its description.
   * @throws QUEUE_UNAVAILABLE, SPOOL_FULL
   */
  async followUp(
    placement: Placement,
    file: FileDescription,
    upload: UploadUnderWay,
  ): Promise<KnownDescription> {
    if (placement.kind !== 'stored') return file;
    const { placed, copies } = placement;
    try {
      const isNoted = await this.deliveries.followUp({
        file,
        digest: upload.file.digest(),
        placed,
        idIsCallers: upload.repeatable !== undefined,
        copies,
      });
      return isNoted ? file : keptDescriptionOf(placed.file, file);
    } catch (error) {
      if (!upload.repeatable) await this.removeStored(placed);
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

  private putCall(description: FileDescription, upload: UploadUnderWay): PutCall {
    const { file, signal, departed, repeatable } = upload;
    const call = this.storage.putCall(description.retentionPolicy, description, file, signal);
    return { ...call, idIsCallers: repeatable !== undefined, abandoned: departed };
  }

  private async fallBack(
    { file, targets: [target = ''] }: PutCall,
    upload: UploadUnderWay,
    placements: readonly NewPlacement[],
    storageError: ServiceError,
  ): Promise<Placement> {
    try {
      this.deliveries.admit(file.fileId, upload.file.expectedLength, upload.file.receivedBytes);
      const kept = await this.keep(file, upload, placements);
      this.metrics.outbound.fellBack(target, 'spool', 'success');
      return kept;
    } catch (error) {
      const failure = toServiceError(error);
      // A client that leaves or sends nonsense ends the upload, and says nothing of the spool.
      if (upload.signal.aborted && failure.code !== 'SPOOL_FULL') throw error;
      this.metrics.outbound.fellBack(target, 'spool', 'failure');
      this.logger.warn(
        { err: error, upload_id: file.fileId },
        'a file that was not stored was not kept either',
      );
      throw whatCounts(storageError, failure);
    }
  }

  private async keep(
    file: FileDescription,
    upload: UploadUnderWay,
    placements: readonly NewPlacement[],
  ): Promise<Placement> {
    const body = upload.file;
    await Promise.race([body.whenLost, upload.arrived]);
    const record = await this.deliveries.accept({
      uploadId: file.fileId,
      file,
      digest: body.digest(),
      body: body.durable,
      idIsCallers: upload.repeatable !== undefined,
      placements,
    });
    // An old promise that was taken back: nothing was kept now.
    if (record.status === 'cancelled' || record.status === 'expired') throw usedUp();
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
