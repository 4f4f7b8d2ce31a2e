import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Caller } from '../auth/caller.js';
import { Deliveries } from '../delivery/deliveries.service.js';
import type { UploadRecord } from '../delivery/upload-record.js';
import { UploadsLedger } from '../delivery/uploads-ledger.service.js';
import { CLOCK, type Clock } from '../timing/clock.js';
import type { FileDescription } from '../storage/storage-element.js';
import { type FileSearch, type PlacedFile, StorageGateway } from '../storage/storage-gateway.service.js';
import { asOf, firstDescriptionOf, receiptOf, receiptOfRecord } from './receipts.js';
import { compareWithKnown } from './repeated-upload.js';
import { answerOfRecord, type UploadAnswer } from './upload-answer.js';
import type { UploadUnderWay } from './upload-reception.js';

/** Whether an upload was there before. Where there is no answer it is new, as far as it can be told. */
export interface Repetition {
  readonly answer?: UploadAnswer;
  /** Storage elements that could not be asked. */
  readonly unasked: readonly string[];
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
  async find(description: FileDescription, upload: UploadUnderWay, caller: Caller): Promise<Repetition> {
    const { fileId: uploadId } = description;
    const promised = await this.deliveries.promised(uploadId);
    if (promised) {
      await compareWithRecord(promised, upload, caller);
      return { answer: answerOfRecord(promised), unasked: [] };
    }
    const { found, unasked } = await this.storage.find(uploadId, upload.signal);
    const answer = found
      ? await this.answerOfStored(found, description, upload, caller)
      : await this.answerOfLedger(uploadId, unasked, upload, caller);
    return { answer, unasked };
  }

  /** Whoever stored it may have been killed before he took note that it is to be registered. */
  private async answerOfStored(
    found: PlacedFile,
    description: FileDescription,
    upload: UploadUnderWay,
    caller: Caller,
  ): Promise<UploadAnswer> {
    const { fileId: uploadId } = description;
    await compareWithKnown(upload.file, found.file, caller, upload.signal);
    const digest = upload.file.digest();
    const first = firstDescriptionOf(found.file, description);
    await this.deliveries.followUp({ file: first, digest, placed: found, idIsCallers: true, copies: [] });
    const receipt = asOf(receiptOf(uploadId, first, digest, found.file), this.clock.wallMs());
    return { receipt, outcome: 'repeated' };
  }

  /** What is stored where nobody answers just now, as far as it was written down here. */
  private async answerOfLedger(
    uploadId: string,
    unasked: FileSearch['unasked'],
    upload: UploadUnderWay,
    caller: Caller,
  ): Promise<UploadAnswer | undefined> {
    const record = unasked.length > 0 ? await this.recordOf(uploadId) : undefined;
    if (!record || asOf(receiptOfRecord(record), this.clock.wallMs()).status !== 'active') return undefined;
    await compareWithRecord(record, upload, caller);
    return answerOfRecord(record);
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
function compareWithRecord(record: UploadRecord, upload: UploadUnderWay, caller: Caller): Promise<void> {
  const known = { ...record.digest, uploadedBy: record.owner };
  return compareWithKnown(upload.file, known, caller, upload.signal);
}
