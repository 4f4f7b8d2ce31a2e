import { Injectable } from '@nestjs/common';
import { annotateSpan } from '../observability/current-span.js';
import { AdmissionControl, type AdmittedUpload } from './admission-control.service.js';
import { describeFile } from './file-description.js';
import { IncomingFiles } from './file/incoming-files.service.js';
import { keyReused } from './placement/repeated-upload.js';
import { type Placement, UploadPlacement } from './placement/upload-placement.service.js';
import { UploadRepeats } from './placement/upload-repeats.service.js';
import type { FileToPlace, PlacementWish } from './file-to-place.js';
import { type BegunFile, receive } from './reception.js';
import { type KnownDescription, receiptOf } from './receipts/receipts.js';
import { resultOfRecord, type UploadResult } from './upload-result.js';
import type { Pump, UploadSource } from './upload-source.js';

/**
 * What happens to every upload, whatever protocol brings it: it gets a place, its bytes are counted, limited, hashed and
 * looked at while they go by, and the file finds its place at a storage element, or in the spool with a promise.
 */
@Injectable()
export class UploadPipeline {
  constructor(
    private readonly admission: AdmissionControl,
    private readonly files: IncomingFiles,
    private readonly repeats: UploadRepeats,
    private readonly placement: UploadPlacement,
  ) {}

  /**
   * Takes a file from a protocol to its place.
   * @throws what the source and its bytes fail with; RATE_LIMITED, BULKHEAD_FULL, SHUTTING_DOWN, UPLOAD_IN_PROGRESS;
   * FILE_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, DIGEST_MISMATCH; and as `place`
   */
  receive(source: UploadSource): Promise<UploadResult> {
    return this.admission.run(source, (upload) =>
      receive(
        upload.pump,
        {
          active: upload.active,
          received: upload.received,
          openFile: (head) => {
            const file = this.files.begin(head);
            upload.measured.counts(() => file.receivedBytes);
            upload.active.progress.follows(file);
            return file;
          },
        },
        (file) => this.place(fileToPlace(source, upload, file)),
      ),
    );
  }

  /** Where a file is to go whose client wants his answer before it is stored, or does not. */
  wishOf(wantsAsync: boolean): PlacementWish {
    return this.admission.wishOf(wantsAsync);
  }

  /**
   * Finds a place for a file that is on its way in, or here already. The same bytes under the same id of the caller's again
   * give the first receipt again.
   * @throws CONFLICT when the id is taken by other bytes, or by another caller, and IDEMPOTENCY_KEY_REUSED when it was made of
   * a key; what storing failed with, where the file may not be kept for later either; SPOOL_FULL, QUEUE_UNAVAILABLE
   */
  async place(file: FileToPlace): Promise<UploadResult> {
    try {
      return await this.placeOnce(file);
    } catch (error) {
      throw file.isKeyed ? keyReused(error) : error;
    }
  }

  private async placeOnce(file: FileToPlace): Promise<UploadResult> {
    const { answer, unverified } = file.idIsCallers && !file.isIdNew ? await this.repeats.find(file) : NEW;
    if (answer) return answer;
    const placement = await this.placement.place(file, unverified);
    file.progress?.goesOn();
    if (placement.kind === 'stored') annotateSpan({ 'ingester.target': placement.placed.target });
    // Nobody was told the new id, so nobody would ever find the file.
    const isUnclaimed = !file.idIsCallers && file.clientGone.aborted;
    if (isUnclaimed) await this.placement.withdraw(placement, file.caller.subject);
    const description = isUnclaimed ? file.description : await this.placement.followUp(placement, file);
    return resultOf(file, description, placement);
  }
}

/** An id that nobody has had before. */
const NEW = { answer: undefined, unverified: [] };

function fileToPlace(
  source: UploadSource,
  { active, wish }: AdmittedUpload<Pump>,
  { head, body, arrived }: BegunFile,
): FileToPlace {
  const { uploadId, caller, idIsCallers, isKeyed, clientGone } = source;
  const description = describeFile(uploadId, head, caller);
  const { signal, progress } = active;
  return { description, body, arrived, caller, idIsCallers, isKeyed, wish, clientGone, signal, progress };
}

function resultOf(
  { body, wish }: FileToPlace,
  description: KnownDescription,
  placement: Placement,
): UploadResult {
  if (placement.kind === 'accepted') return resultOfRecord(placement.record, wish === 'keep');
  const { file: stored } = placement.placed;
  return { receipt: receiptOf(description.fileId, description, body.digest(), stored), outcome: 'stored' };
}
