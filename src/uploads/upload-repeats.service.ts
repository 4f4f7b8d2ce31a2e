import { Injectable } from '@nestjs/common';
import type { Caller } from '../auth/caller.js';
import { Deliveries } from '../delivery/deliveries.service.js';
import type { FileDescription } from '../storage/storage-element.js';
import { StorageGateway } from '../storage/storage-gateway.service.js';
import { firstReceiptOf } from './receipts.js';
import { compareWithKnown } from './repeated-upload.js';
import { answerOfRecord, type UploadAnswer } from './upload-answer.js';
import type { UploadUnderWay } from './upload-reception.js';

/** Tells an upload that was there before from one that is new. */
@Injectable()
export class UploadRepeats {
  constructor(
    private readonly deliveries: Deliveries,
    private readonly storage: StorageGateway,
  ) {}

  /**
   * The answer to an upload that was there before, undefined where it is new. What was promised is looked for first:
   * once it is stored the storage has it, so that nothing is lost between the two questions. Both are asked whatever
   * the client prefers, since nothing else tells a repetition from another file.
   * @throws CONFLICT when the id is taken by other bytes, or by another caller; QUEUE_UNAVAILABLE
   */
  async answer(
    description: FileDescription,
    upload: UploadUnderWay,
    caller: Caller,
  ): Promise<UploadAnswer | undefined> {
    const { fileId: uploadId } = description;
    const record = await this.deliveries.promised(uploadId);
    if (record) {
      const known = { ...record.digest, uploadedBy: record.owner };
      await compareWithKnown(upload.file, known, caller, upload.signal);
      return answerOfRecord(record);
    }
    const found = await this.storage.find(uploadId, upload.signal);
    if (!found) return undefined;
    await compareWithKnown(upload.file, found.file, caller, upload.signal);
    const receipt = firstReceiptOf(uploadId, found.file, description, upload.file.digest());
    return { receipt, outcome: 'repeated' };
  }
}
