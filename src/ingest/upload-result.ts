import type { UploadRecord } from '../delivery/upload-record.js';
import type { Receipt } from './receipt.dto.js';
import { receiptOfRecord } from './receipts/receipts.js';

/** What a client is told of an upload. */
export interface UploadResult {
  readonly receipt: Receipt;
  /** `repeated`: it was stored before, by the same request; `accepted`: it is safe, and not stored yet. */
  readonly outcome: 'stored' | 'repeated' | 'accepted';
  /** Did the client ask to be answered before the file is stored, and is that why it was accepted? */
  readonly asPreferred?: boolean;
}

/**
 * The answer to an upload that was accepted, now or by an earlier request. While it is not stored that is 202 again, as
 * the first time: a client takes 200 and 201 for "stored", and would forget what it has still to ask after.
 */
export function resultOfRecord(record: UploadRecord, asPreferred = false): UploadResult {
  const receipt = receiptOfRecord(record);
  return record.status === 'active'
    ? { receipt, outcome: 'repeated' }
    : { receipt, outcome: 'accepted', asPreferred };
}
