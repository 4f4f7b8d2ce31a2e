import { createHash, randomBytes, randomInt, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KillDiary } from './kill-diary.js';

/** Bytes of the files: in one write, in memory, in the spool, and in the lane of large files. */
export const SIZES = [10, 5_000, 300_000, 1_500_000, 6_000_000];

const UPLOADERS = 6;
const PAUSE_MS = 30;

/** A client that may repeat its request at another replica waits so long for the answer of one, at least and at most. */
const PATIENCE_MS = [700, 5_000] as const;

/** One file on its way, and what the client was told of it. */
export interface SentFile {
  readonly sha256: string;
  /** Known before the answer only where the client chooses it. */
  readonly uploadId: string | undefined;
  acknowledged: { readonly uploadId: string; readonly status: number } | undefined;
  /** Its client did not wait for the answer of a replica, and asks for 202 from then on. */
  wasGivenUp: boolean;
}

export interface KillUploadSettings {
  readonly token: string;
  /** Gives where to send the next request; it may lead nowhere. */
  readonly origin: () => string;
  readonly diary: KillDiary;
  /** Unset: those that all drivers have ways of their own for. */
  readonly sizes?: readonly number[] | undefined;
}

/**
 * Clients that upload without a pause. A file with an id of the client's is sent until it is acknowledged, as a
 * client does that has lost an answer; one without is sent once, because nobody could tell it from another.
 */
export class KillUploads {
  readonly files: SentFile[] = [];
  private stopped = false;
  private abandoned = false;
  private readonly running: Promise<void>[];

  constructor(private readonly settings: KillUploadSettings) {
    this.running = Array.from({ length: UPLOADERS }, () => this.upload());
  }

  /** Begins no more files, and resolves when those under way have an answer. */
  async finish(): Promise<void> {
    this.stopped = true;
    await Promise.all(this.running);
  }

  /** Ends all that is under way; for a test that has failed. */
  async abandon(): Promise<void> {
    this.abandoned = true;
    await this.finish();
  }

  get acknowledged(): SentFile[] {
    return this.files.filter((file) => file.acknowledged);
  }

  private async upload(): Promise<void> {
    while (!this.stopped) {
      const { sizes = SIZES } = this.settings;
      const bytes = randomBytes(sizes[randomInt(sizes.length)] ?? 1);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const isPut = randomInt(2) === 0;
      const file: SentFile = {
        sha256,
        uploadId: isPut ? randomUUID() : undefined,
        acknowledged: undefined,
        wasGivenUp: false,
      };
      this.files.push(file);
      await this.send(file, bytes);
      await sleep(PAUSE_MS);
    }
  }

  private async send(file: SentFile, bytes: Buffer<ArrayBuffer>): Promise<void> {
    do {
      file.acknowledged = await this.attempt(file, bytes);
      if (!file.acknowledged) await sleep(PAUSE_MS * 5);
    } while (!file.acknowledged && file.uploadId !== undefined && !this.abandoned);
  }

  /** What the service promised; undefined where it promised nothing, or was killed before it could. */
  private async attempt(file: SentFile, bytes: Buffer<ArrayBuffer>): Promise<SentFile['acknowledged']> {
    const prefer = file.wasGivenUp || randomInt(4) === 0 ? { Prefer: 'respond-async' } : undefined;
    const { token, diary } = this.settings;
    const headers = { Authorization: `Bearer ${token}`, ...prefer };
    const origin = this.settings.origin();
    const path = `/api/v1/files/${file.uploadId ?? 'upload'}`;
    const note = (text: string): void => diary.note(`${path} ${text}`, [file.sha256]);
    note(`is sent to ${origin}: ${bytes.length} bytes, ${JSON.stringify(prefer)}`);
    try {
      const init =
        file.uploadId === undefined ? { method: 'POST', body: form(bytes) } : { method: 'PUT', body: bytes };
      const signal = patience(init.method, prefer) ?? null;
      signal?.addEventListener('abort', () => {
        file.wasGivenUp = true;
      });
      const answer = await fetch(origin + path, { ...init, headers, signal });
      const receipt: unknown = await answer.json();
      note(`is answered ${answer.status} ${JSON.stringify(receipt)}`);
      return answer.ok ? { uploadId: uploadIdOf(receipt), status: answer.status } : undefined;
    } catch (error) {
      note(`is not answered: ${String(error)}`);
      return undefined;
    }
  }
}

/**
 * Only a client that asks for 202 gives up, and asks for it again. What is to be stored at once is written down nowhere: two
 * replicas that have the file at one time, because one is frozen, would rightly store it twice.
 */
function patience(method: string, prefer: object | undefined): AbortSignal | undefined {
  return method === 'PUT' && prefer ? AbortSignal.timeout(randomInt(...PATIENCE_MS)) : undefined;
}

function form(bytes: Buffer<ArrayBuffer>): FormData {
  const data = new FormData();
  data.append('file', new Blob([bytes]), 'a.bin');
  return data;
}

function uploadIdOf(receipt: unknown): string {
  if (typeof receipt === 'object' && receipt !== null && 'upload_id' in receipt) {
    return String(receipt.upload_id);
  }
  throw new Error('a good answer holds no receipt');
}
