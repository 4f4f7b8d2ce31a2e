import { Injectable, Logger } from '@nestjs/common';
import type { Request, Response } from 'express';

import type { Caller } from '../auth/caller.js';
import { uuidV7 } from '../observability/random-ids.js';
import type { MeasuredUpload } from '../observability/upload-metrics.js';
import { type PlacedFile, type PutCall, StorageGateway } from '../storage/storage-gateway.service.js';
import { describeFile } from './file-description.js';
import { InFlightUploads } from './in-flight-uploads.service.js';
import type { BegunUpload } from './multipart-upload.js';
import type { Receipt } from './receipt.dto.js';
import { firstReceiptOf, receiptOf } from './receipts.js';
import { compareWithStored } from './repeated-upload.js';
import { UploadEntrance } from './upload-entrance.service.js';
import { UploadIntake } from './upload-intake.service.js';
import { departureOf, type Incoming, receive } from './upload-reception.js';

/** A receipt, and whether the file is new. */
export interface PutOutcome {
  readonly receipt: Receipt;
  readonly created: boolean;
}

interface Placed {
  readonly receipt: Receipt;
  readonly placed: PlacedFile;
}

/** Takes files from requests to storage elements. */
@Injectable()
export class UploadsService {
  private readonly logger = new Logger(UploadsService.name);

  constructor(
    private readonly entrance: UploadEntrance,
    private readonly intake: UploadIntake,
    private readonly inFlight: InFlightUploads,
    private readonly storage: StorageGateway,
  ) {}

  /** Stores the file of a multipart request under a new id. */
  create(request: Request, response: Response, caller: Caller): Promise<Receipt> {
    const uploadId = uuidV7();
    const open = (): Incoming => this.intake.multipart(request, response);
    const store = async (upload: BegunUpload, signal: AbortSignal): Promise<Receipt> => {
      const call = { ...this.putCall(uploadId, upload, caller, signal), abandoned: departureOf(response) };
      const { receipt, placed } = await this.place(uploadId, upload, call);
      if (response.destroyed) await this.removeUnclaimed(placed);
      return receipt;
    };
    return this.entrance.run('multipart', request, caller, (measured) =>
      this.receive(measured, uploadId, open, store),
    );
  }

  /**
   * Stores a raw body under the caller's own id. The same bytes again give the first receipt again.
   * @throws CONFLICT when the id is taken by other bytes, or by another caller.
   */
  put(request: Request, response: Response, uploadId: string, caller: Caller): Promise<PutOutcome> {
    const open = (): Incoming => this.intake.raw(request, response);
    const store = async (upload: BegunUpload, signal: AbortSignal): Promise<PutOutcome> => {
      const found = await this.storage.find(uploadId, signal);
      if (found) {
        await compareWithStored(upload.file, found.file, caller, signal);
        const repeated = describeFile(uploadId, upload, caller);
        return {
          receipt: firstReceiptOf(uploadId, found.file, repeated, upload.file.digest()),
          created: false,
        };
      }
      const call = { ...this.putCall(uploadId, upload, caller, signal), abandoned: departureOf(response) };
      const { receipt } = await this.place(uploadId, upload, call);
      return { receipt, created: true };
    };
    return this.entrance.run('raw', request, caller, (measured) =>
      this.receive(measured, uploadId, open, store),
    );
  }

  private async receive<T>(
    measured: MeasuredUpload,
    uploadId: string,
    open: () => Incoming,
    store: (upload: BegunUpload, signal: AbortSignal) => Promise<T>,
  ): Promise<T> {
    const incoming = open();
    const inFlight = this.inFlight.begin(uploadId);
    try {
      return await receive(incoming, inFlight, (upload, signal) => {
        measured.counts(() => upload.file.receivedBytes);
        return store(upload, signal);
      });
    } finally {
      inFlight.finish();
    }
  }

  private putCall(uploadId: string, upload: BegunUpload, caller: Caller, signal: AbortSignal): PutCall {
    const description = describeFile(uploadId, upload, caller);
    return this.storage.putCall(description.retentionPolicy, description, upload.file, signal);
  }

  private async place(uploadId: string, { file }: BegunUpload, call: PutCall): Promise<Placed> {
    const placed = await this.storage.put(call);
    return { receipt: receiptOf(uploadId, call.file, file.digest(), placed.file), placed };
  }

  /** The client left while its file was being finished: nobody knows the new id, so nobody would ever find it. */
  private async removeUnclaimed({ target, file: { fileId } }: PlacedFile): Promise<void> {
    // Not the upload's own, which a shutdown may have aborted.
    const { signal } = new AbortController();
    try {
      await this.storage.remove({ targets: [target], fileId, signal });
    } catch (error) {
      this.logger.warn({ err: error, target, file_id: fileId }, 'an unclaimed file stays behind');
    }
  }
}
