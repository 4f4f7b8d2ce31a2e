import type { FileDescription } from '../storage/storage-element.js';
import type { Receipt } from './receipt.dto.js';
import { writeReceipt } from './receipts/receipts.js';

/** The receipt of a file that is not here whole, or did not become one; `length` is what it will have, as far as that is known. */
export function unfinishedReceiptOf(
  file: FileDescription,
  length: number | undefined,
  status: 'receiving' | 'dead' | 'cancelled' | 'expired',
): Receipt {
  return writeReceipt(file.fileId, file, { size: length ?? null, sha256: null }, { file_id: null, status });
}
