/*
 * The hashing thread. It never returns to its event loop: it sleeps until there are slots, hashes them, and
 * answers with messages. Tests run this file as it stands, so it imports nothing but types from the project
 * and uses no syntax that type stripping cannot erase.
 */
import { createHash, type Hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { setPriority } from 'node:os';
import { platform } from 'node:process';
import { parentPort, workerData } from 'node:worker_threads';
import type { Sha256Message, Sha256Ring } from './sha256-ring.js';

/**
 * A little less than the main thread's: a thread that is woken would else often take the processor from the one
 * that wakes it, although nobody waits for it yet.
 */
const NICENESS = 3;

const ring: Sha256Ring = workerData;
const slotCount = ring.owner.length;
const slotBytes = ring.bytes.length / slotCount;
const hashes = new Map<number, Hash>();
/** Why the digests of files that have not ended cannot be known. */
const failures = new Map<number, unknown>();
/** What is read from a file at once: it stays in the processor's cache until it is hashed. */
const block = Buffer.allocUnsafeSlow(128 * 1024);

// Elsewhere 0 means the process and not, as on Linux, the calling thread (setpriority(2)).
if (platform === 'linux') stepBack();

for (let next = Atomics.load(ring.consumed, 0); ; next = (next + 1) | 0) {
  while (Atomics.load(ring.published, 0) === next) sleepAt(next);
  consume(next & (slotCount - 1));
  Atomics.store(ring.consumed, 0, (next + 1) | 0);
  tellOfRoom(next);
}

/** Where that is not allowed (seccomp, or a process that is nicer already), files are hashed all the same. */
function stepBack(): void {
  try {
    setPriority(0, NICENESS);
  } catch {
    // It costs speed, and nothing else.
  }
}

/** The flag goes up before the wait looks at `published` once more, so no slot is missed in between. */
function sleepAt(next: number): void {
  Atomics.store(ring.asleep, 0, 1);
  Atomics.wait(ring.published, 0, next);
  Atomics.store(ring.asleep, 0, 0);
}

function consume(index: number): void {
  const owner = ring.owner[index] ?? 0;
  const length = ring.length[index] ?? 0;
  const inSlot = (ring.descriptor[index] ?? 0) < 0;
  if (length > 0) update(owner, index, length, inSlot);
  else if (inSlot) endFile(owner);
  else say({ owner, left: true });
}

function update(owner: number, index: number, length: number, inSlot: boolean): void {
  const hash = hashes.get(owner) ?? begin(owner);
  if (inSlot) hash.update(ring.bytes.subarray(index * slotBytes, index * slotBytes + length));
  else if (!failures.has(owner)) tryToRead(owner, hash, index);
}

function tryToRead(owner: number, hash: Hash, index: number): void {
  try {
    hashFile(hash, index);
  } catch (error) {
    failures.set(owner, error);
  }
}

function hashFile(hash: Hash, index: number): void {
  const descriptor = ring.descriptor[index] ?? 0;
  let position = ring.position[index] ?? 0;
  const end = position + (ring.length[index] ?? 0);
  while (position < end) {
    const bytes = readSync(descriptor, block, 0, Math.min(block.length, end - position), position);
    if (bytes === 0) throw new Error(`The file ends before position ${position}`);
    hash.update(block.subarray(0, bytes));
    position += bytes;
  }
}

function begin(owner: number): Hash {
  const hash = createHash('sha256');
  hashes.set(owner, hash);
  return hash;
}

function endFile(owner: number): void {
  const digest = (hashes.get(owner) ?? createHash('sha256')).digest('hex');
  const failure = failures.get(owner);
  hashes.delete(owner);
  failures.delete(owner);
  say(failure === undefined ? { owner, digest } : { owner, failure });
}

/** Only at half: a message for every free slot would cost more than the hashing. */
function tellOfRoom(next: number): void {
  if (Atomics.load(ring.roomWanted, 0) === 0) return;
  const waiting = (Atomics.load(ring.published, 0) - next - 1) | 0;
  if (waiting > slotCount / 2) return;
  Atomics.store(ring.roomWanted, 0, 0);
  say('room');
}

function say(message: Sha256Message): void {
  parentPort?.postMessage(message);
}
