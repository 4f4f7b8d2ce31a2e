import { Inject, Injectable, Logger } from '@nestjs/common';
import { Deliveries } from '../../delivery/deliveries.service.js';
import type { UploadRecord } from '../../delivery/upload-record.js';
import { UploadsLedger } from '../../delivery/uploads-ledger.service.js';
import { CLOCK, type Clock } from '../../timing/clock.js';
import { type FileSearch, type PlacedFile, StorageGateway } from '../../storage/storage-gateway.service.js';
import { asOf, firstDescriptionOf, receiptOf, receiptOfRecord } from '../receipts/receipts.js';
import { compareFields, compareWithKnown } from './repeated-upload.js';
import { resultOfRecord, type UploadResult } from '../upload-result.js';
import type { FileDescription } from '../../storage/storage-element.js';
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
   * else tells a repetition from another file. The ledger is asked only where an element does not answer, or
   * where the id was made of a key.
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
    const { description, body, isKeyed } = file;
    const { fileId: uploadId } = description;
    await compareWithKnown(file, found.file);
    const digest = body.digest();
    const written = await this.writtenDown(file, found);
    const first = written ?? firstDescriptionOf(found.file, description);
    // Elsewhere an element has its own way to write a name or a type.
    if (written ?? found.file.remembered) compareFields(file, first);
    const stored = { file: first, digest, placed: found, idIsCallers: true, isKeyed, copies: [] };
    await this.deliveries.followUp(stored);
    const receipt = asOf(receiptOf(uploadId, first, digest, found.file), this.clock.wallMs());
    return { receipt, outcome: 'repeated' };
  }

  /** What was said first of a file that has to be the same in that, where its element does not remember. */
  private async writtenDown(
    { isKeyed, description }: FileToPlace,
    { file }: PlacedFile,
  ): Promise<FileDescription | undefined> {
    if (!isKeyed || file.remembered) return undefined;
    const record = await this.recordOf(description.fileId);
    return record?.status === 'active' ? record.file : undefined;
  }

  /** What is stored where nobody answers just now, or knows the id, as far as it was written down here. */
  private async answerOfLedger(
    unverified: FileSearch['unverified'],
    file: FileToPlace,
  ): Promise<UploadResult | undefined> {
    const { fileId: uploadId } = file.description;
    const mayBeThere = unverified.length > 0;
    const record = mayBeThere || file.isKeyed ? await this.recordOf(uploadId) : undefined;
    // An element that chooses its ids has the file under another one than that which it was asked for.
    if (!mayBeThere && record?.fileId === uploadId) return undefined;
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

/** @throws CONFLICT when the bytes or the owner differ; or the fields, where they count */
async function compareWithRecord(
  { digest, owner, file: first }: UploadRecord,
  file: FileToPlace,
): Promise<void> {
  await compareWithKnown(file, { ...digest, uploadedBy: owner });
  compareFields(file, first);
}
