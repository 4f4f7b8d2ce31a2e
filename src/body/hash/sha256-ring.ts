/*
 * Memory that the main thread and the hashing thread share: a ring of slots, each with the next bytes of one
 * file. One side publishes, the other consumes; no locks, since each counter has one writer. Counters wrap
 * around at 32 bits, so they are compared for equality or by their difference, and never by which is larger.
 *
 * A slot says one of four things of its file: here are the next bytes; they lie in a file, `descriptor`, at `position`;
 * no more of them lies in a file (no bytes of one); that was all (no bytes).
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
  /** For each slot: how many bytes it holds or names. */
  readonly length: Int32Array;
  /** For each slot: the file where its bytes lie; `IN_SLOT` when it holds them. */
  readonly descriptor: Int32Array;
  /** For each slot: where in that file they begin. */
  readonly position: Float64Array;
  /** All slots, one after the other. */
  readonly bytes: Uint8Array;
}

/**
 * What the hashing thread says: the digest of a file that has ended, or why there is none; that it reads no other file for
 * it any more; or that half of the slots are free.
 */
export type Sha256Message = Sha256End | { readonly owner: number; readonly left: true } | 'room';

export type Sha256End =
  { readonly owner: number; readonly digest: string } | { readonly owner: number; readonly failure: unknown };

/** A power of two, because the counters are cut down to slot numbers with a mask. */
export const RING_SLOTS = 64;
/** What Node reads from a socket at once. */
export const SLOT_BYTES = 64 * 1024;
/** Most that a slot names, so that files take turns. */
export const RANGE_BYTES = 1024 * 1024;
/** Instead of a descriptor. */
export const IN_SLOT = -1;

export function createSha256Ring(): Sha256Ring {
  return {
    published: sharedIntegers(1),
    consumed: sharedIntegers(1),
    asleep: sharedIntegers(1),
    roomWanted: sharedIntegers(1),
    owner: sharedIntegers(RING_SLOTS),
    length: sharedIntegers(RING_SLOTS),
    descriptor: sharedIntegers(RING_SLOTS),
    position: new Float64Array(new SharedArrayBuffer(RING_SLOTS * Float64Array.BYTES_PER_ELEMENT)),
    bytes: new Uint8Array(new SharedArrayBuffer(RING_SLOTS * SLOT_BYTES)),
  };
}

function sharedIntegers(count: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(count * Int32Array.BYTES_PER_ELEMENT));
}
