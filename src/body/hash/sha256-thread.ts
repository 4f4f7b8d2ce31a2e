import { Worker } from 'node:worker_threads';
import { ServiceError } from '../../errors/service-error.js';
import type { FileRange, Sha256Answer, Sha256Message, Sha256Reply } from './sha256-messages.js';

/** Memory that goes over at once. New memory costs more than the copy, so that some is kept. */
const COPY_BYTES = 1024 * 1024;
const MOST_SPARE = 4;

/**
 * The main thread's end of a hashing thread, which hashes any number of files at once. The thread starts with
 * this object, and does not keep the process alive.
 */
export class Sha256Thread {
  readonly #worker: Worker;
  /** Who waits for an answer, in the order in which they come. */
  readonly #asked: PromiseWithResolvers<Sha256Answer>[] = [];
  readonly #spare: ArrayBuffer[] = [];
  #files = 0;
  #failure: ServiceError | undefined;

  constructor() {
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
    this.#worker = new Worker(new URL(`./sha256.worker.${extension}`, import.meta.url), {
      name: 'sha256',
      env: {},
    });
    this.#worker.unref();
    this.#worker.on('message', (reply: Sha256Reply) => this.#hear(reply));
    this.#worker.on('error', (error) => this.#fail(error));
    this.#worker.on('exit', (code) => this.#fail(new Error(`The hashing thread ended with code ${code}`)));
  }

  /** True once the thread is gone. Its files fail; new ones need a new thread. */
  get failed(): boolean {
    return this.#failure !== undefined;
  }

  /** Gives a number for one more file. */
  nextFile(): number {
    this.#files += 1;
    return this.#files;
  }

  /** Hashes a copy of the next bytes of a file. */
  hashBytes(file: number, chunks: readonly Buffer[]): void {
    for (const piece of piecesOf(chunks)) {
      const memory = this.#spare.pop() ?? new ArrayBuffer(COPY_BYTES);
      this.#tell({ file, bytes: copied(piece, memory) }, [memory]);
    }
  }

  /** Hashes the next bytes of a file from where they lie; that file must stay open until this one
   * was reached, forgotten or has its digest. */
  hashRange(file: number, range: FileRange): void {
    this.#tell({ file, range });
  }

  /** The SHA-256 of all that came of the file, which is forgotten: 64 lower-case hex characters. @throws INTERNAL_ERROR */
  async digest(file: number): Promise<string> {
    const answer = await this.#ask(file, 'digest');
    if ('failure' in answer) throw hashingFailed(answer.failure);
    return answer.digest ?? '';
  }

  /** Resolves when everything was hashed that came before. @throws INTERNAL_ERROR when the thread is gone */
  async whenReached(file: number): Promise<void> {
    await this.#ask(file, 'reached');
  }

  /** Forgets the file; resolves when nothing of it is read any more. @throws INTERNAL_ERROR when the thread is gone */
  async forget(file: number): Promise<void> {
    await this.#ask(file, 'forgotten');
  }

  /** Ends the thread; files that it still has fail. */
  async close(): Promise<void> {
    await this.#worker.terminate();
  }

  #ask(file: number, ask: 'digest' | 'reached' | 'forgotten'): Promise<Sha256Answer> {
    if (this.#failure) return Promise.reject(this.#failure);
    const answer = Promise.withResolvers<Sha256Answer>();
    this.#asked.push(answer);
    this.#tell({ file, ask });
    return answer.promise;
  }

  /** A thread that is gone takes no message, and says so when it is asked. */
  #tell(message: Sha256Message, transferred: readonly ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transferred);
  }

  #hear(reply: Sha256Reply): void {
    if (!('spare' in reply)) this.#asked.shift()?.resolve(reply);
    else if (this.#spare.length < MOST_SPARE) this.#spare.push(reply.spare);
  }

  #fail(error: unknown): void {
    this.#failure ??= hashingFailed(error);
    for (const answer of this.#asked.splice(0)) answer.reject(this.#failure);
  }
}

/** The chunks, in groups and parts that fit into one copy each. */
function* piecesOf(chunks: readonly Buffer[]): Generator<readonly Buffer[]> {
  let piece: Buffer[] = [];
  let room = COPY_BYTES;
  for (const chunk of chunks) {
    for (let rest = chunk; rest.length > 0;) {
      const part = rest.subarray(0, room);
      piece.push(part);
      rest = rest.subarray(part.length);
      room -= part.length;
      if (room > 0) continue;
      yield piece;
      piece = [];
      room = COPY_BYTES;
    }
  }
  if (piece.length > 0) yield piece;
}

function copied(chunks: readonly Buffer[], memory: ArrayBuffer): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(memory);
  let length = 0;
  for (const chunk of chunks) {
    all.set(chunk, length);
    length += chunk.length;
  }
  return all.subarray(0, length);
}

function hashingFailed(cause: unknown): ServiceError {
  return new ServiceError('INTERNAL_ERROR', 'The file could not be hashed.', { cause });
}
