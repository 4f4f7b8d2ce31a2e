import { Worker } from 'node:worker_threads';
import { ServiceError } from '../../errors/service-error.js';
import type { FileRange } from '../content-hash.js';
import {
  createSha256Ring,
  IN_SLOT,
  RANGE_BYTES,
  RING_SLOTS,
  type Sha256End,
  type Sha256Message,
  SLOT_BYTES,
} from './sha256-ring.js';

/** The next bytes of a file, or where they lie. */
export type Piece = Buffer | FileRange;

/** Nothing more comes from another file. */
export const LEAVE_FILE: FileRange = { descriptor: 0, position: 0, length: 0 };

/** Slots that wait before a sleeping thread is woken: fewer wake-ups leave both threads more of their caches. */
const WAKE_AT_SLOTS = RING_SLOTS / 4;
const WAKE_AT_BYTES = 512 * 1024;

/**
 * The main thread's end of one hashing thread, which hashes any number of files at once. The thread starts with
 * this object, and does not keep the process alive.
 */
export class Sha256Thread {
  private readonly worker: Worker;
  private readonly digests = new Map<number, PromiseWithResolvers<string>>();
  private readonly leaving = new Map<number, () => void>();
  private room: PromiseWithResolvers<void> | undefined;
  private published: number;
  /** Bytes that were published since the thread was last woken. */
  private unheardBytes = 0;
  private lastOwner = 0;
  private failure: ServiceError | undefined;

  constructor(private readonly ring = createSha256Ring()) {
    this.published = Atomics.load(ring.published, 0);
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    this.worker = new Worker(new URL(`./sha256.worker.${extension}`, import.meta.url), {
      name: 'sha256',
      workerData: ring,
      env: {},
    });
    this.worker.unref();
    this.worker.on('message', (message: Sha256Message) => this.hear(message));
    this.worker.on('error', (error) => this.fail(error));
    this.worker.on('exit', (code) => this.fail(new Error(`The hashing thread ended with code ${code}`)));
  }

  /** True once the thread is gone. Its files fail; new ones need a new thread. */
  get failed(): boolean {
    return this.failure !== undefined;
  }

  /** Gives a number for one more file. */
  nextOwner(): number {
    this.lastOwner = (this.lastOwner + 1) | 0;
    return this.lastOwner;
  }

  /** Takes as much of `piece` as there is room for, and gives the rest, if any. @throws INTERNAL_ERROR */
  offer(owner: number, piece: Piece): Piece | undefined {
    let rest: Piece | undefined = piece;
    while (rest && this.hasRoom())
      rest = Buffer.isBuffer(rest) ? this.copy(owner, rest) : this.name(owner, rest);
    const enough = this.waiting() >= WAKE_AT_SLOTS || this.unheardBytes >= WAKE_AT_BYTES;
    if (enough || piece.length === 0) this.wake();
    return rest;
  }

  /** Ends a file; false when there is no room for that yet. @throws INTERNAL_ERROR */
  end(owner: number): boolean {
    if (!this.hasRoom()) return false;
    this.publish(owner, 0, IN_SLOT, 0);
    this.wake();
    return true;
  }

  /** The digest of a file that `end` has just ended. @throws INTERNAL_ERROR */
  digestOf(owner: number): Promise<string> {
    if (this.failure) return Promise.reject(this.failure);
    const digest = Promise.withResolvers<string>();
    this.digests.set(owner, digest);
    return digest.promise;
  }

  /** Resolves when the thread reads no other file for this one any more, or is gone. Never rejects. */
  whenLeft(owner: number): Promise<void> {
    if (this.failure) return Promise.resolve();
    const left = Promise.withResolvers<void>();
    this.leaving.set(owner, left.resolve);
    return left.promise;
  }

  /** Settles when it is worth to try again. @throws INTERNAL_ERROR */
  whenRoom(): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    // First the wish, then the look; the thread does it the other way round, so one of them sees the other.
    Atomics.store(this.ring.roomWanted, 0, 1);
    if (this.waiting() <= RING_SLOTS / 2) return Promise.resolve();
    this.room ??= Promise.withResolvers();
    return this.room.promise;
  }

  /** Ends the thread; files that it still has fail. */
  async close(): Promise<void> {
    await this.worker.terminate();
  }

  private hasRoom(): boolean {
    if (this.failure) throw this.failure;
    return this.waiting() < RING_SLOTS;
  }

  private waiting(): number {
    return (this.published - Atomics.load(this.ring.consumed, 0)) | 0;
  }

  private nextSlot(): number {
    return this.published & (RING_SLOTS - 1);
  }

  private copy(owner: number, chunk: Buffer): Buffer | undefined {
    const length = Math.min(SLOT_BYTES, chunk.length);
    if (length === 0) return undefined;
    chunk.copy(this.ring.bytes, this.nextSlot() * SLOT_BYTES, 0, length);
    this.publish(owner, length, IN_SLOT, 0);
    return length < chunk.length ? chunk.subarray(length) : undefined;
  }

  private name(owner: number, { descriptor, position, length }: FileRange): FileRange | undefined {
    const taken = Math.min(RANGE_BYTES, length);
    this.publish(owner, taken, descriptor, position);
    return taken < length ? { descriptor, position: position + taken, length: length - taken } : undefined;
  }

  private publish(owner: number, length: number, descriptor: number, position: number): void {
    const slot = this.nextSlot();
    this.ring.owner[slot] = owner;
    this.ring.length[slot] = length;
    this.ring.descriptor[slot] = descriptor;
    this.ring.position[slot] = position;
    this.published = (this.published + 1) | 0;
    this.unheardBytes += length;
    Atomics.store(this.ring.published, 0, this.published);
  }

  private wake(): void {
    this.unheardBytes = 0;
    if (Atomics.load(this.ring.asleep, 0) === 1) Atomics.notify(this.ring.published, 0);
  }

  private hear(message: Sha256Message): void {
    if (message === 'room') {
      this.room?.resolve();
      this.room = undefined;
      return;
    }
    this.leaving.get(message.owner)?.();
    this.leaving.delete(message.owner);
    if (!('left' in message)) this.hearEnd(message);
  }

  private hearEnd(end: Sha256End): void {
    const digest = this.digests.get(end.owner);
    this.digests.delete(end.owner);
    if ('digest' in end) digest?.resolve(end.digest);
    else digest?.reject(notHashed(end.failure));
  }

  private fail(cause: Error): void {
    if (this.failure) return;
    this.failure = notHashed(cause);
    this.room?.reject(this.failure);
    for (const { reject } of this.digests.values()) reject(this.failure);
    this.digests.clear();
    for (const leave of this.leaving.values()) leave();
    this.leaving.clear();
  }
}

function notHashed(cause: unknown): ServiceError {
  return new ServiceError('INTERNAL_ERROR', 'The file could not be hashed.', { cause });
}
