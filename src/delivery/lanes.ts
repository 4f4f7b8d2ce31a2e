import type { RetentionPolicy } from '../storage/storage-element.js';

/**
 * Where deliveries wait: in lanes with places of their own, so that large files do not keep small ones waiting, nor files
 * of one retention policy, whose elements may all hang, those of the other.
 */
export type DeliveryLane = `${'small' | 'large'}-${RetentionPolicy}`;

/** `largeBytes` is the size above which a file is a large one. */
export function laneOf(size: number, policy: RetentionPolicy, largeBytes: number): DeliveryLane {
  return `${size > largeBytes ? 'large' : 'small'}-${policy}`;
}
