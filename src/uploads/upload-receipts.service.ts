import { Injectable, Logger } from '@nestjs/common';
import type { Caller } from '../auth/caller.js';
import { permissionsOf } from '../auth/permissions.js';
import { forbidden } from '../auth/refusals.js';
import type { UploadRecord, UploadStatus } from '../delivery/upload-record.js';
import { UploadsLedger } from '../delivery/uploads-ledger.service.js';
import { asError } from '../errors/as-error.js';
import { ServiceError } from '../errors/service-error.js';
import { StorageElements } from '../storage/storage-elements.service.js';
import { StorageGateway } from '../storage/storage-gateway.service.js';
import type { Receipt } from './receipt.dto.js';
import { receiptOfRecord, rememberedReceiptOf } from './receipts.js';

/** An upload that somebody asked for. */
export interface KnownUpload {
  readonly receipt: Receipt;
  /** Absent where the file was stored at once, so that nothing was written down here. */
  readonly record?: UploadRecord;
}

/** Ends without a file, after which the same id may have been uploaded anew. */
const GIVEN_UP = new Set<UploadStatus>(['cancelled', 'expired']);

/** Says what became of uploads, to those who may know. */
@Injectable()
export class UploadReceipts {
  private readonly logger = new Logger(UploadReceipts.name);

  constructor(
    private readonly ledger: UploadsLedger,
    private readonly storage: StorageGateway,
    private readonly elements: StorageElements,
  ) {}

  /**
   * The upload of an id. Another caller's is not found either, so that nobody learns which ids there are.
   * @throws NOT_FOUND, QUEUE_UNAVAILABLE
   */
  async find(uploadId: string, caller: Caller): Promise<KnownUpload> {
    const known = await this.look(uploadId);
    if (known && (isOwn(known.receipt, caller) || permissionsOf(caller).has('admin:read'))) return known;
    throw notFound();
  }

  /**
   * Takes an upload back that is not stored yet. One that is on its way just now is taken back when that attempt ends,
   * and its receipt says so until then.
   * @throws NOT_FOUND, FORBIDDEN, CONFLICT when the file is stored, QUEUE_UNAVAILABLE
   */
  async cancel(uploadId: string, caller: Caller): Promise<Receipt> {
    const { receipt, record } = await this.find(uploadId, caller);
    refuseUnlessGranted(receipt, caller);
    const cancelled = record && (await this.ledger.cancel(uploadId, caller.subject));
    if (!cancelled || cancelled.status === 'active') throw alreadyStored();
    return receiptOfRecord(cancelled);
  }

  private async look(uploadId: string): Promise<KnownUpload | undefined> {
    let failure: Error | undefined;
    const record = await this.ledger.find(uploadId).catch((error: unknown) => {
      failure = asError(error);
      return undefined;
    });
    if (record && !GIVEN_UP.has(record.status)) return { receipt: receiptOfRecord(record), record };
    const stored = await this.askStorage(uploadId);
    if (stored) return { receipt: stored };
    if (record) return { receipt: receiptOfRecord(record), record };
    if (failure) throw failure;
    return undefined;
  }

  /** A file that went straight through is known to its element alone. */
  private async askStorage(uploadId: string): Promise<Receipt | undefined> {
    // Each call has its own time limit, and nothing is to be undone when the client leaves.
    const found = await this.storage.find(uploadId, new AbortController().signal);
    if (!found) return undefined;
    const receipt = rememberedReceiptOf(uploadId, found.file, this.elements.retentionPolicyAt(found.target));
    if (!receipt) this.logger.debug({ upload_id: uploadId }, 'the storage does not say whose file it has');
    return receipt;
  }
}

function isOwn(receipt: Receipt, caller: Caller): boolean {
  return receipt.uploaded_by === caller.subject;
}

/** Owners take back what they may upload. @throws FORBIDDEN */
function refuseUnlessGranted(receipt: Receipt, caller: Caller): void {
  const granted = permissionsOf(caller);
  const needed = isOwn(receipt, caller) ? 'files:write' : 'admin:write';
  if (!granted.has(needed) && !granted.has('admin:write')) throw forbidden(needed);
}

function notFound(): ServiceError {
  return new ServiceError('NOT_FOUND', 'There is no upload with this id.');
}

function alreadyStored(): ServiceError {
  return new ServiceError('CONFLICT', 'The file is stored already, so its upload cannot be cancelled.');
}
