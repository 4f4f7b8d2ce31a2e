import { Injectable } from '@nestjs/common';
import type { Request, Response } from 'express';
import type { Caller } from '../auth/caller.js';
import { uuidV7 } from '../observability/random-ids.js';
import type { FileDescription } from '../storage/storage-element.js';
import { describeFile } from './file-description.js';
import { prefersAsync } from './preferences.js';
import { type KnownDescription, receiptOf } from './receipts.js';
import { answerOfRecord, type UploadAnswer } from './upload-answer.js';
import { type Arrival, UploadEntrance } from './upload-entrance.service.js';
import { UploadIntake } from './upload-intake.service.js';
import { type Placement, UploadPlacement } from './upload-placement.service.js';
import { type Incoming, receive, type UploadUnderWay } from './upload-reception.js';
import { UploadRepeats } from './upload-repeats.service.js';

/** Takes files from requests to storage elements, or into the spool. */
@Injectable()
export class UploadsService {
  constructor(
    private readonly entrance: UploadEntrance,
    private readonly intake: UploadIntake,
    private readonly repeats: UploadRepeats,
    private readonly placement: UploadPlacement,
  ) {}

  /** Takes the file of a multipart request under a new id. */
  create(request: Request, response: Response, caller: Caller): Promise<UploadAnswer> {
    const uploadId = uuidV7();
    const open = (): Incoming => this.intake.multipart(request, response);
    const later = this.isForLater(request);
    return this.run({ route: 'multipart', request, caller, uploadId, later, open }, async (upload) => {
      const description = describeFile(uploadId, upload, caller);
      const placement = await this.place(later, description, upload);
      // Nobody was told the new id, so nobody would ever find the file.
      if (response.destroyed) {
        await this.placement.withdraw(placement, caller.subject);
        return answerOf(later, description, upload, placement);
      }
      const kept = await this.placement.followUp(placement, description, upload);
      return answerOf(later, kept, upload, placement);
    });
  }

  /**
   * Takes a raw body under the caller's own id. The same bytes again give the first receipt again.
   * @throws CONFLICT when the id is taken by other bytes, or by another caller.
   */
  put(request: Request, response: Response, uploadId: string, caller: Caller): Promise<UploadAnswer> {
    const open = (): Incoming => this.intake.raw(request, response);
    const later = this.isForLater(request);
    return this.run({ route: 'raw', request, caller, uploadId, later, open }, async (begun) => {
      const description = describeFile(uploadId, begun, caller);
      const { answer, unasked: unverified } = await this.repeats.find(description, begun, caller);
      if (answer) return answer;
      const upload = { ...begun, repeatable: { unverified } };
      const placement = await this.place(later, description, upload);
      const kept = await this.placement.followUp(placement, description, upload);
      return answerOf(later, kept, upload, placement);
    });
  }

  private run(
    arrival: Arrival,
    take: (upload: UploadUnderWay) => Promise<UploadAnswer>,
  ): Promise<UploadAnswer> {
    return this.entrance.run(arrival, (incoming, measured, inFlight) =>
      receive(incoming, inFlight, (upload) => {
        measured.counts(() => upload.file.receivedBytes);
        return take(upload);
      }),
    );
  }

  private isForLater(request: Request): boolean {
    return this.intake.deliversLater && prefersAsync(request);
  }

  private place(later: boolean, description: FileDescription, upload: UploadUnderWay): Promise<Placement> {
    return later
      ? this.placement.accept(description, upload)
      : this.placement.store(description, upload, this.intake.deliversLater);
  }
}

function answerOf(
  later: boolean,
  description: KnownDescription,
  { file }: UploadUnderWay,
  placement: Placement,
): UploadAnswer {
  if (placement.kind === 'accepted') {
    return answerOfRecord(placement.record, later);
  }
  const { file: stored } = placement.placed;
  return { receipt: receiptOf(description.fileId, description, file.digest(), stored), outcome: 'stored' };
}
