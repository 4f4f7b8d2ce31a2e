import { hash } from 'node:crypto';
import { stringify } from 'uuid';

const UUID_BYTES = 16;

/**
 * The id of the upload that a caller names by an idempotency key: the same for the same key of the same subject, and for no
 * other. A UUIDv8 (RFC 9562, 5.8), so that it is told from those that are made by chance.
 */
export function uploadIdOfKey(owner: string, key: string): string {
  // As JSON, so that no two pairs are written alike.
  const bytes = hash('sha256', JSON.stringify([owner, key]), 'buffer').subarray(0, UUID_BYTES);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return stringify(bytes);
}
