/*
 * The hashing thread: it hashes what messages bring or name, and answers with messages. Tests run this file as it stands, so
 * it imports nothing but types from the project and uses no syntax that type stripping cannot erase.
 */
import { createHash, type Hash } from 'node:crypto';
import { readSync } from 'node:fs';
import { setPriority } from 'node:os';
import { platform } from 'node:process';
import { parentPort } from 'node:worker_threads';
import type { FileRange, Sha256Answer, Sha256Message } from './sha256-messages.js';

/**
 * A little less than the main thread's: a thread that is woken would else often take the processor from the one
 * that wakes it, although nobody waits for it yet.
 */
const NICENESS = 3;

const hashes = new Map<number, Hash>();
/** Why the digests of files that have not ended cannot be known. */
const failures = new Map<number, unknown>();
/** What is read from a file at once: it stays in the processor's cache until it is hashed. */
const block = Buffer.allocUnsafeSlow(128 * 1024);

// Elsewhere 0 means the process and not, as on Linux, the calling thread (setpriority(2)).
if (platform === 'linux') stepBack();

parentPort?.on('message', (message: Sha256Message) => {
  if ('bytes' in message) hashBytes(message.file, message.bytes);
  else if ('range' in message) tryToRead(message.file, message.range);
  else parentPort?.postMessage(answerTo(message.file, message.ask));
});

/** Where that is not allowed (seccomp, or a process that is nicer already), files are hashed all the same. */
function stepBack(): void {
  try {
    setPriority(0, NICENESS);
  } catch {
    // It costs speed, and nothing else.
  }
}

function hashOf(file: number): Hash {
  const hash = hashes.get(file) ?? createHash('sha256');
  hashes.set(file, hash);
  return hash;
}

function hashBytes(file: number, bytes: Uint8Array<ArrayBuffer>): void {
  hashOf(file).update(bytes);
  const spare = bytes.buffer;
  parentPort?.postMessage({ spare }, [spare]);
}

function tryToRead(file: number, range: FileRange): void {
  if (failures.has(file)) return;
  try {
    hashRange(hashOf(file), range);
  } catch (error) {
    failures.set(file, error);
  }
}

function hashRange(hash: Hash, { descriptor, position: start, length }: FileRange): void {
  const end = start + length;
  for (let position = start; position < end;) {
    const bytes = readSync(descriptor, block, 0, Math.min(block.length, end - position), position);
    if (bytes === 0) throw new Error(`The file ends before position ${position}`);
    hash.update(block.subarray(0, bytes));
    position += bytes;
  }
}

function answerTo(file: number, ask: 'digest' | 'reached' | 'forgotten'): Sha256Answer {
  if (ask === 'reached') return {};
  const failure = failures.get(file);
  const digest = ask === 'digest' && failure === undefined ? hashOf(file).digest('hex') : undefined;
  hashes.delete(file);
  failures.delete(file);
  return failure === undefined ? { digest } : { failure };
}
