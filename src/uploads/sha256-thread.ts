import { Worker } from 'node:worker_threads';
import { ServiceError } from '../errors/service-error.js';
import { createSha256Ring, RING_SLOTS, type Sha256Message, SLOT_BYTES } from './sha256-ring.js';

/** Slots that wait before a sleeping thread is woken: fewer wake-ups leave both threads more of their caches. */
const WAKE_AT_SLOTS = RING_SLOTS / 4;

/**
 * The main thread's end of one hashing thread, which hashes any number of files at once. The thread starts with
 * this object, and does not keep the process alive.
 */
export class Sha256Thread {
  private readonly worker: Worker;
  private readonly digests = new Map<number, PromiseWithResolvers<string>>();
  private room: PromiseWithResolvers<void> | undefined;
  private published: number;
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

  /** Copies as much of `chunk` as there is room for, and says how many bytes that were. @throws INTERNAL_ERROR */
  offer(owner: number, chunk: Buffer): number {
    let taken = 0;
    while (taken < chunk.length && this.hasRoom()) {
      const length = Math.min(SLOT_BYTES, chunk.length - taken);
      chunk.copy(this.ring.bytes, this.nextSlot() * SLOT_BYTES, taken, taken + length);
      taken += length;
      this.publish(owner, length);
    }
    if (this.waiting() >= WAKE_AT_SLOTS) this.wake();
    return taken;
  }

  /** Ends a file; false when there is no room for that yet. @throws INTERNAL_ERROR */
  end(owner: number): boolean {
    if (!this.hasRoom()) return false;
    this.publish(owner, 0);
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

  private publish(owner: number, length: number): void {
    this.ring.owner[this.nextSlot()] = owner;
    this.ring.length[this.nextSlot()] = length;
    this.published = (this.published + 1) | 0;
    Atomics.store(this.ring.published, 0, this.published);
  }

  private wake(): void {
    if (Atomics.load(this.ring.asleep, 0) === 1) Atomics.notify(this.ring.published, 0);
  }

  private hear(message: Sha256Message): void {
    if (message === 'room') {
      this.room?.resolve();
      this.room = undefined;
      return;
    }
    this.digests.get(message.owner)?.resolve(message.digest);
    this.digests.delete(message.owner);
  }

  private fail(cause: Error): void {
    if (this.failure) return;
    this.failure = new ServiceError('INTERNAL_ERROR', 'The file could not be hashed.', { cause });
    this.room?.reject(this.failure);
    for (const { reject } of this.digests.values()) reject(this.failure);
    this.digests.clear();
  }
}
