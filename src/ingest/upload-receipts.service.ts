import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Caller } from '../auth/caller.js';
import { permissionsOf } from '../auth/permissions.js';
import { forbidden } from '../auth/refusals.js';
import { isGivenUp, type UploadRecord } from '../delivery/upload-record.js';
import { UploadsLedger } from '../delivery/uploads-ledger.service.js';
import { asError } from '../errors/as-error.js';
import { ServiceError } from '../errors/service-error.js';
import { CLOCK, type Clock } from '../timing/clock.js';
import type { StoredFile } from '../storage/storage-element.js';
import { StorageElements } from '../storage/storage-elements.service.js';
import type { PlacedFile } from '../storage/storage-gateway.service.js';
import type { Receipt } from './receipt.dto.js';
import { asOf, receiptOfRecord, rememberedReceiptOf, storedReceiptOf } from './receipts/receipts.js';
import { StoredFileLookups } from './receipts/stored-file-lookups.service.js';

/** An upload that somebody asked for. */
export interface KnownUpload {
  readonly receipt: Receipt;
  /** Absent where the file was stored at once, so that nothing was written down of that here. */
  readonly record?: UploadRecord;
}

/** Soon enough for one who waits for an element that restarts. */
const RETRY_AFTER_MS = 10_000;

/** Says what became of uploads, to those who may know. */
@Injectable()
export class UploadReceipts {
  private readonly logger = new Logger(UploadReceipts.name);

  constructor(
    private readonly ledger: UploadsLedger,
    private readonly lookups: StoredFileLookups,
    private readonly elements: StorageElements,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * The upload of an id. Another caller's is answered as one that nobody has, in every case and after the same questions,
   * so that nobody learns which ids there are.
   * @throws NOT_FOUND; NO_STORAGE_AVAILABLE while an element that may have the file cannot be asked; QUEUE_UNAVAILABLE;
   * RATE_LIMITED, BULKHEAD_FULL where the elements would have to be asked
   */
  async find(uploadId: string, caller: Caller): Promise<KnownUpload> {
    const known = await this.look(uploadId, caller);
    if (known) return known;
    throw notFound();
  }

  /**
   * Takes an upload back that is not stored yet. One that is on its way just now is taken back when that attempt ends,
   * and its receipt says so until then.
   * @throws FORBIDDEN, CONFLICT when the file is stored, UPLOAD_EXPIRED, and as `find`
   */
  async cancel(uploadId: string, caller: Caller): Promise<Receipt> {
    const { receipt, record } = await this.findCancellable(uploadId, caller);
    if (receipt.status === 'expired') throw expired();
    const cancelled = record && (await this.ledger.cancel(uploadId, caller.subject));
    if (!cancelled || cancelled.status === 'active') throw alreadyStored();
    if (cancelled.status === 'expired') throw expired();
    // A dead letter of which the storage has the file all the same: cancelled where its delivery had sent it.
    const wasStored = receipt.status === 'active' && cancelled.status === 'cancelled';
    const now = wasStored ? await this.look(uploadId, caller) : undefined;
    if (now?.receipt.status === 'active') throw alreadyStored();
    return receiptOfRecord(cancelled);
  }

  /** Owners take back what they may upload, admins all; whoever may do neither is refused before anybody is asked. */
  private async findCancellable(uploadId: string, caller: Caller): Promise<KnownUpload> {
    const granted = permissionsOf(caller);
    const isAdmin = granted.has('admin:write');
    if (!isAdmin && !granted.has('files:write')) throw forbidden('files:write');
    const known = await this.find(uploadId, caller);
    if (!isAdmin && !isOwn(known.receipt, caller)) throw forbidden('admin:write');
    return known;
  }

  private async look(uploadId: string, caller: Caller): Promise<KnownUpload | undefined> {
    let failure: Error | undefined;
    const record = await this.ledger.find(uploadId).catch((error: unknown) => {
      failure = asError(error);
      return undefined;
    });
    const written = visibleTo(caller, record && this.knownAs(receiptOfRecord(record), record));
    if (written?.record && !this.mayBeStoredSince(written.record)) return written;
    const { found, unverified } = await this.lookups.find(uploadId, caller);
    const known = visibleTo(caller, found && this.storedAs(uploadId, found, record)) ?? written;
    if (known) return known;
    if (failure) throw failure;
    if (unverified.length > 0) throw notKnown();
    return undefined;
  }

  /** What an element says of a file, where that is newer than what is written down. */
  private storedAs(uploadId: string, found: PlacedFile, record?: UploadRecord): KnownUpload | undefined {
    if (record?.status === 'dead') {
      return isFileOf(record, found.file)
        ? this.knownAs(storedReceiptOf(record, found.file), record)
        : undefined;
    }
    const policy = this.elements.retentionPolicyAt(found.target);
    const receipt = rememberedReceiptOf(uploadId, found.file, policy);
    if (!receipt) {
      this.logger.debug({ upload_id: uploadId }, 'the storage does not say whose file it has');
      return undefined;
    }
    // Of a delivered file whose time is over, an element that has not removed it yet has nothing new to say.
    const isNews = record?.status !== 'active' || isGivenUp(record, new Date(receipt.uploaded_at));
    return isNews ? this.knownAs(receipt) : undefined;
  }

  private knownAs(receipt: Receipt, record?: UploadRecord): KnownUpload {
    return { receipt: asOf(receipt, this.clock.wallMs()), record };
  }

  /** Has it come to an end after which its file may have been uploaded anew, or been found? */
  private mayBeStoredSince(record: UploadRecord): boolean {
    return record.status === 'dead' || isGivenUp(record, new Date(this.clock.wallMs()));
  }
}

/** Is it certain that a stored file is that of a dead letter? */
function isFileOf(
  { owner, digest }: UploadRecord,
  { size, sha256, uploadedBy = owner }: StoredFile,
): boolean {
  return uploadedBy === owner && size === digest.size && sha256 === digest.sha256;
}

/** What a caller may not see is to him as what is not there. */
function visibleTo(caller: Caller, known: KnownUpload | undefined): KnownUpload | undefined {
  if (!known) return undefined;
  return isOwn(known.receipt, caller) || permissionsOf(caller).has('admin:read') ? known : undefined;
}

function isOwn(receipt: Receipt, caller: Caller): boolean {
  return receipt.uploaded_by === caller.subject;
}

function notFound(): ServiceError {
  return new ServiceError('NOT_FOUND', 'There is no upload with this id.');
}

function notKnown(): ServiceError {
  const detail = 'It is not known now whether there is such an upload: a storage element cannot be asked.';
  return new ServiceError('NO_STORAGE_AVAILABLE', detail, { retryAfterMs: RETRY_AFTER_MS });
}

function expired(): ServiceError {
  return new ServiceError('UPLOAD_EXPIRED', 'The time for which the file was wanted is over.');
}

function alreadyStored(): ServiceError {
  return new ServiceError('CONFLICT', 'The file is stored already, so its upload cannot be cancelled.');
}
