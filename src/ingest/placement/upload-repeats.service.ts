import { Inject, Injectable, Logger } from '@nestjs/common';
import { Deliveries } from '../../delivery/deliveries.service.js';
import type { UploadRecord } from '../../delivery/upload-record.js';
import { UploadsLedger } from '../../delivery/uploads-ledger.service.js';
import { CLOCK, type Clock } from '../../timing/clock.js';
import { type FileSearch, type PlacedFile, StorageGateway } from '../../storage/storage-gateway.service.js';
import { asOf, firstDescriptionOf, receiptOf, receiptOfRecord } from '../receipts/receipts.js';
import { compareWithKnown } from './repeated-upload.js';
import { resultOfRecord, type UploadResult } from '../upload-result.js';
import type { FileToPlace } from '../file-to-place.js';

/** Whether an upload was there before. Where there is no answer it is new, as far as it can be told. */
export interface Repetition {
  readonly answer?: UploadResult;
  /** Storage elements that could not be asked. */
  readonly unverified: readonly string[];
}

/** Tells an upload that was there before from one that is new. */
@Injectable()
export class UploadRepeats {
  private readonly logger = new Logger(UploadRepeats.name);

  constructor(
    private readonly deliveries: Deliveries,
    private readonly ledger: UploadsLedger,
    private readonly storage: StorageGateway,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * The answer to an upload that was there before. What was promised is looked for first: once it is stored the storage
   * has it, so that nothing is lost between the two questions. Both are asked whatever the client prefers, since nothing
   * else tells a repetition from another file. The ledger is asked only where an element does not answer.
   * @throws CONFLICT when the id is taken by other bytes, or by another caller; UPLOAD_IN_PROGRESS while a cancel is
   * under way; QUEUE_UNAVAILABLE; SPOOL_FULL and INTERNAL_ERROR when nothing takes note that the file is to be registered
   */
  async find(file: FileToPlace): Promise<Repetition> {
    const { fileId: uploadId } = file.description;
    const promised = await this.deliveries.promised(uploadId);
    if (promised) {
      await compareWithRecord(promised, file);
      return { answer: resultOfRecord(promised), unverified: [] };
    }
    const { found, unverified } = await this.storage.find(uploadId, file.signal);
    const answer = found
      ? await this.answerOfStored(found, file)
      : await this.answerOfLedger(unverified, file);
    return { answer, unverified };
  }

  /** Whoever stored it may have been killed before he took note that it is to be registered. */
  private async answerOfStored(found: PlacedFile, file: FileToPlace): Promise<UploadResult> {
    const { description, body } = file;
    const { fileId: uploadId } = description;
    await compareWithKnown(file, found.file);
    const digest = body.digest();
    const first = firstDescriptionOf(found.file, description);
    await this.deliveries.followUp({ file: first, digest, placed: found, idIsCallers: true, copies: [] });
    const receipt = asOf(receiptOf(uploadId, first, digest, found.file), this.clock.wallMs());
    return { receipt, outcome: 'repeated' };
  }

  /** What is stored where nobody answers just now, as far as it was written down here. */
  private async answerOfLedger(
    unverified: FileSearch['unverified'],
    file: FileToPlace,
  ): Promise<UploadResult | undefined> {
    const record = unverified.length > 0 ? await this.recordOf(file.description.fileId) : undefined;
    if (!record || asOf(receiptOfRecord(record), this.clock.wallMs()).status !== 'active') return undefined;
    await compareWithRecord(record, file);
    return resultOfRecord(record);
  }

  /** Without the database it is not known, as without the element. */
  private async recordOf(uploadId: string): Promise<UploadRecord | undefined> {
    try {
      return await this.ledger.find(uploadId);
    } catch (error) {
      this.logger.warn({ err: error, upload_id: uploadId }, 'nobody says whether a file was there before');
      return undefined;
    }
  }
}

/** @throws CONFLICT when the bytes or the owner differ */
function compareWithRecord({ digest, owner }: UploadRecord, file: FileToPlace): Promise<void> {
  return compareWithKnown(file, { ...digest, uploadedBy: owner });
}
