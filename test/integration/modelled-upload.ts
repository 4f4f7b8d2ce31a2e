import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually.js';
import type { RawResponse } from '../support/raw-client.js';
import { UploadConnections } from './upload-connections.js';
import type { Check, Piece, UploadDialect } from './upload-dialects.js';
import type { UploadReplicas } from './upload-replicas.js';

/** How an append is cut: its client breaks the connection off, or closes it; or the process is killed. */
export type Cut = 'reset' | 'close' | 'kill';

/** What happens to an upload next. `at` names a replica; `part` is the part of what is missing that is sent. */
export type Step =
  | { readonly kind: 'ask'; readonly at: number }
  | { readonly kind: 'append'; readonly at: number; readonly part: number; readonly check: Check }
  | {
      readonly kind: 'cut';
      readonly at: number;
      readonly part: number;
      /** The part of the piece after which it is cut, and how long after. */
      readonly reach: number;
      readonly afterMs: number;
      readonly isChecked: boolean;
      readonly how: Cut;
    }
  | {
      readonly kind: 'take over';
      readonly at: number;
      /** Which one is asked while the other has an append under way. */
      readonly by: number;
      readonly part: number;
      readonly reach: number;
      readonly afterMs: number;
    }
  | { readonly kind: 'twice'; readonly at: number; readonly by: number; readonly part: number }
  | { readonly kind: 'stray'; readonly at: number; readonly by: number }
  | { readonly kind: 'restart'; readonly at: number; readonly signal: 'SIGTERM' | 'SIGKILL' }
  | { readonly kind: 'remove'; readonly at: number };

export interface Beginning {
  readonly at: number;
  readonly size: number;
  readonly isDeferred: boolean;
  /** The part of all bytes that comes with the creation. */
  readonly part: number;
}

const SETTLED_WITHIN_MS = 20_000;

/** Bytes that are others for each salt, and the same in each run. */
function bytesOf(size: number, salt: number): Buffer {
  const words = Uint32Array.from({ length: Math.ceil(size / 4) }, (_, at) =>
    Math.imul(at ^ salt, 0x9e3779b1),
  );
  return Buffer.from(words.buffer, 0, size);
}

/**
 * An upload as its client may expect it to be. What was told is a promise; what was sent and not answered may be there or not.
 * Each step sends its requests, and throws where an answer is none that the client may get.
 */
export class ModelledUpload {
  readonly #bytes: Buffer;
  readonly #connections: UploadConnections;
  #path = '';
  /** The highest offset that was told, and the highest that there can be. */
  #told = 0;
  #most = 0;
  #isFinished = false;
  #isRemoved = false;

  constructor(
    private readonly replicas: UploadReplicas,
    private readonly dialect: UploadDialect,
    private readonly beginning: Beginning,
    /** Counts what was done. */
    private readonly did: (what: string) => void,
  ) {
    this.#bytes = bytesOf(beginning.size, beginning.size + 1);
    this.#connections = new UploadConnections(replicas, dialect);
  }

  async create(): Promise<void> {
    const { at, part, isDeferred } = this.beginning;
    const size = Math.floor(this.#bytes.length * part);
    // A length that was deferred is told with a later piece.
    const bytes = this.#bytes.subarray(0, isDeferred ? Math.min(size, this.#bytes.length - 1) : size);
    const piece = this.#piece(bytes, 'none');
    const answer = await this.#connections.exchange(
      at,
      'POST /api/v1/uploads',
      this.dialect.creation(piece, isDeferred),
      bytes,
    );
    assert.equal(answer.status, 201);
    this.#path = new URL(answer.headers.get('location') ?? '').pathname;
    if (bytes.length > 0) assert.equal(answer.headers.get('upload-offset'), String(bytes.length));
    this.#isExactly(bytes.length);
    this.#isFinished = piece.isLast;
  }

  async take(step: Step): Promise<void> {
    this.did(step.kind);
    if (step.kind === 'restart') return this.replicas.restart(step.at, step.signal);
    if (step.kind === 'remove') return this.#remove(step.at);
    if (step.kind === 'ask') return this.#ask(step.at);
    // A client that does not know how far it is asks.
    if (this.#told !== this.#most) await this.#ask(step.at);
    if (step.kind === 'stray') return this.#stray(step);
    if (step.kind === 'append') return this.#append(step);
    if (!this.#isRemoved && this.#told < this.#bytes.length) await this.#disturb(step);
  }

  /** Sends what is missing, and sees that there is one file with all bytes: or none, where the upload was removed. */
  async finish(at: number): Promise<void> {
    if (!this.#isRemoved) {
      await this.#ask(at);
      await this.#append({ at: at + 1, part: 1, check: 'none' });
      await eventually(async () => {
        const receipt = await this.#connections.exchange(at, `GET ${this.#path.replace('uploads', 'files')}`);
        const { status, size, checksum } = receipt.json();
        const sha256 = createHash('sha256').update(this.#bytes).digest('hex');
        assert.deepEqual([status, size, checksum], ['active', this.#bytes.length, sha256]);
      }, SETTLED_WITHIN_MS);
      await this.#ask(at + 1);
    }
    const files = await this.replicas.filesOf(this.#path.split('/').at(-1) ?? '');
    // One that was removed while its last bytes were on their way may have become a file first.
    const least = this.#isFinished ? 1 : 0;
    const most = this.#most === this.#bytes.length ? 1 : 0;
    assert.ok(least <= files.length && files.length <= most, `${files.length} files were made`);
    for (const file of files) assert.ok(file.equals(this.#bytes), 'a file has other bytes');
  }

  async #ask(at: number): Promise<void> {
    const answer = await this.#connections.exchange(at, `HEAD ${this.#path}`);
    if (this.#isRemoved) return assert.equal(answer.status, 410);
    assert.equal(answer.status, this.dialect.askedStatus);
    this.#isExactly(this.#hear(answer));
  }

  async #append({
    at,
    part,
    check,
  }: Pick<Step & { kind: 'append' }, 'at' | 'part' | 'check'>): Promise<void> {
    const bytes = this.#next(part);
    const piece = this.#piece(bytes, bytes.length === 0 ? 'none' : check);
    const answer = await this.#connections.exchange(
      at,
      `PATCH ${this.#path}`,
      this.dialect.append(piece),
      bytes,
    );
    if (this.#isRemoved) return assert.equal(answer.status, 410);
    if (piece.check !== 'wrong') this.#most = piece.offset + bytes.length;
    else return assert.equal(answer.status, this.dialect.mismatchStatus);
    this.#acknowledged(answer, piece);
    this.#isExactly(piece.offset + bytes.length);
  }

  #disturb(step: Step & { kind: 'cut' | 'take over' | 'twice' }): Promise<void> {
    if (step.kind === 'twice') return this.#appendTwice(step);
    return step.kind === 'cut' ? this.#cut(step) : this.#takeOver(step);
  }

  async #cut({ at, part, reach, afterMs, isChecked, how }: Step & { kind: 'cut' }): Promise<void> {
    const bytes = this.#next(part);
    const piece = this.#piece(bytes, isChecked ? 'right' : 'none');
    const client = await this.#connections.beginAppend(at, this.#path, piece);
    const sent = Math.floor(bytes.length * reach);
    client.send(bytes.subarray(0, sent));
    await sleep(afterMs);
    if (how === 'kill') await this.replicas.restart(at, 'SIGKILL');
    if (how === 'reset') client.reset();
    client.close();
    // A piece that is to be checked counts as a whole, or not at all.
    if (!isChecked || sent === bytes.length) this.#most = this.#told + sent;
  }

  /** The older request is still open while the upload is asked for, and goes on with other bytes afterwards. */
  async #takeOver({ at, by, part, reach, afterMs }: Step & { kind: 'take over' }): Promise<void> {
    const bytes = this.#next(part);
    const older = await this.#connections.beginAppend(at, this.#path, this.#piece(bytes, 'none'));
    const sent = Math.floor(bytes.length * reach);
    older.send(bytes.subarray(0, sent));
    await sleep(afterMs);
    this.#most = this.#told + sent;
    await this.#ask(by);
    older.send(Buffer.alloc(bytes.length - sent, 'x'));
    const answer = await this.#connections.answerOf(older).catch(() => undefined);
    older.close();
    if (!answer || answer.status >= 300) return;
    // It was answered before it was taken over.
    assert.equal(sent, bytes.length);
    assert.equal(this.#told, Number(answer.headers.get('upload-offset')));
  }

  /** Two requests bring the same bytes: the client sees what became of them when it asks. */
  async #appendTwice({ at, by, part }: Step & { kind: 'twice' }): Promise<void> {
    const bytes = this.#next(part);
    const piece = this.#piece(bytes, 'none');
    this.#most = piece.offset + bytes.length;
    const headers = this.dialect.append(piece);
    const answers = await Promise.all(
      [at, by].map((each) => this.#connections.exchange(each, `PATCH ${this.#path}`, headers, bytes)),
    );
    for (const answer of answers) {
      if (answer.status === 409) continue;
      this.#acknowledged(answer, piece);
    }
    await this.#ask(by);
  }

  async #stray({ at, by }: Step & { kind: 'stray' }): Promise<void> {
    const offset = Math.max(0, this.#told + by);
    if (offset === this.#told) return;
    const bytes = Buffer.from('xyz');
    const piece = { ...this.#piece(bytes, 'none'), offset, isLast: false };
    const answer = await this.#connections.exchange(
      at,
      `PATCH ${this.#path}`,
      this.dialect.append(piece),
      bytes,
    );
    if (this.#isRemoved) return assert.equal(answer.status, 410);
    assert.deepEqual([answer.status, answer.headers.get('upload-offset')], [409, String(this.#told)]);
  }

  async #remove(at: number): Promise<void> {
    const answer = await this.#connections.exchange(at, `DELETE ${this.#path}`);
    assert.equal(answer.status, this.#isRemoved ? 410 : 204);
    this.#isRemoved = true;
  }

  /** What is sent next: a part of what is missing, which is a byte at least; nothing where nothing is missing. */
  #next(part: number): Buffer {
    const missing = this.#bytes.length - this.#told;
    const size = Math.min(missing, Math.max(1, Math.floor(missing * part)));
    return this.#bytes.subarray(this.#told, this.#told + size);
  }

  #piece(bytes: Buffer, check: Check): Piece {
    const [offset, total] = [this.#told, this.#bytes.length];
    return { offset, bytes, total, check, isLast: offset + bytes.length === total };
  }

  #acknowledged(answer: RawResponse, { offset, bytes, isLast }: Piece): void {
    const { finishedStatuses, receivedStatuses } = this.dialect;
    const expected = isLast ? finishedStatuses : receivedStatuses;
    assert.ok(expected.includes(answer.status), `a piece was answered ${answer.status}: ${answer.body}`);
    assert.equal(this.#hear(answer), offset + bytes.length);
    this.#isFinished = isLast;
  }

  /** An offset that is told never falls, and is none of bytes that were not sent. */
  #hear({ headers }: RawResponse): number {
    const offset = Number(headers.get('upload-offset'));
    const isPossible = this.#told <= offset && offset <= this.#most;
    assert.ok(isPossible, `${offset} was told, and not ${this.#told} to ${this.#most}`);
    this.#told = offset;
    return offset;
  }

  #isExactly(offset: number): void {
    this.#told = offset;
    this.#most = offset;
  }
}
