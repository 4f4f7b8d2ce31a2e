/*
 * Memory that the main thread and the hashing thread share: a ring of slots, each with the next bytes of one
 * file. One side publishes, the other consumes; no locks, since each counter has one writer. Counters wrap
 * around at 32 bits, so they are compared for equality or by their difference, and never by which is larger.
 */
export interface Sha256Ring {
  /** Slots that were ever filled. Written by the main thread. */
  readonly published: Int32Array;
  /** Slots that were ever hashed. Written by the hashing thread. */
  readonly consumed: Int32Array;
  /** 1 while the hashing thread sleeps until `published` changes. */
  readonly asleep: Int32Array;
  /** 1 while the main thread waits for a message that there is room again. */
  readonly roomWanted: Int32Array;
  /** For each slot: the file that its bytes belong to. */
  readonly owner: Int32Array;
  /** For each slot: how many bytes it holds; 0 ends the file. */
  readonly length: Int32Array;
  /** All slots, one after the other. */
  readonly bytes: Uint8Array;
}

/** What the hashing thread says: the digest of a file that has ended, or that half of the slots are free. */
export type Sha256Message = { readonly owner: number; readonly digest: string } | 'room';

/** A power of two, because the counters are cut down to slot numbers with a mask. */
export const RING_SLOTS = 64;
/** What Node reads from a socket at once. */
export const SLOT_BYTES = 64 * 1024;

export function createSha256Ring(): Sha256Ring {
  return {
    published: sharedIntegers(1),
    consumed: sharedIntegers(1),
    asleep: sharedIntegers(1),
    roomWanted: sharedIntegers(1),
    owner: sharedIntegers(RING_SLOTS),
    length: sharedIntegers(RING_SLOTS),
    bytes: new Uint8Array(new SharedArrayBuffer(RING_SLOTS * SLOT_BYTES)),
  };
}

function sharedIntegers(count: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT));
}
