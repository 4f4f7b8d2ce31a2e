import { ApiError } from '../shared/api.js';
import { metadataOf } from './headers.js';
import { newId } from './ids.js';
import { readReceipt, removeFile } from './receipts.js';
import { type RequestOptions, sendRequest } from './request.js';
import {
  type Attempt,
  authorization,
  type FileToSend,
  type Receipt,
  type Remains,
  type Transfer,
} from './transfer.js';

/** Most bytes of one request: a token is looked at that often, and a proxy has less to hold. */
const PIECE_BYTES = 32 * 1024 * 1024;

type Call = Omit<RequestOptions, 'path' | 'signal'>;

/** How far the service is with an upload. */
interface Progress {
  readonly offset: number;
  readonly isComplete: boolean;
}

/** Sends a file in pieces that count once they are acknowledged (tus 1.0). */
export class TusTransfer implements Transfer {
  readonly isResumable = true;
  /** By which the service knows again a creation whose answer was lost. */
  private readonly key = newId();
  private id: string | undefined;
  private isAllSent = false;

  constructor(private readonly upload: FileToSend) {}

  async send(attempt: Attempt): Promise<Receipt> {
    let progress = this.id === undefined ? await this.create(attempt) : await this.ask(attempt);
    attempt.onSent(progress.offset);
    while (!progress.isComplete) progress = await this.append(attempt, progress.offset);
    return readReceipt(this.id ?? '', attempt.token, attempt.signal);
  }

  async remove(token: string, signal: AbortSignal): Promise<Remains> {
    if (this.id === undefined) return 'nothing';
    await this.call({ token, signal }, { method: 'DELETE', headers: {} }).catch((error: unknown) => {
      if (!isGone(error)) throw error;
    });
    // The file of a complete upload stays.
    return this.isAllSent ? removeFile(this.id, token, signal) : 'nothing';
  }

  private async create(attempt: Attempt): Promise<Progress> {
    const { file, fields } = this.upload;
    const answer = await this.call(attempt, {
      method: 'POST',
      headers: {
        'Idempotency-Key': this.key,
        'Upload-Length': String(file.size),
        'Upload-Metadata': metadataOf({ filename: file.name, filetype: file.type, ...fields }),
      },
    });
    this.id = (answer.header('Location') ?? '').split('/').at(-1);
    return progressIn(answer);
  }

  private async ask(attempt: Attempt): Promise<Progress> {
    try {
      return progressIn(await this.call(attempt, { method: 'HEAD', headers: {} }));
    } catch (error) {
      if (!isGone(error)) throw error;
      // An answer to HEAD has no body that could say more.
      const title = 'The service does not have this upload any more.';
      throw new ApiError({ status: 410, code: 'UPLOAD_EXPIRED', title });
    }
  }

  private async append(attempt: Attempt, offset: number): Promise<Progress> {
    const { file } = this.upload;
    const answer = await this.call(attempt, {
      method: 'PATCH',
      headers: { 'Upload-Offset': String(offset), 'Content-Type': 'application/offset+octet-stream' },
      body: file.slice(offset, offset + PIECE_BYTES),
      onSent: (bytes) => {
        if (offset + bytes >= file.size) this.isAllSent = true;
        attempt.onSent(offset + bytes);
      },
    });
    return progressIn(answer);
  }

  private call(
    { token, signal }: Pick<Attempt, 'token' | 'signal'>,
    call: Call,
  ): ReturnType<typeof sendRequest> {
    const headers = { ...call.headers, ...authorization(token), 'Tus-Resumable': '1.0.0' };
    const path = this.id === undefined ? '/api/v1/uploads' : `/api/v1/uploads/${this.id}`;
    return sendRequest({ ...call, path, headers, signal });
  }
}

/** A complete upload names its receipt. */
function progressIn(answer: { header(name: string): string | undefined }): Progress {
  return {
    offset: Number(answer.header('Upload-Offset') ?? 0),
    isComplete: answer.header('Content-Location') !== undefined,
  };
}

function isGone(error: unknown): boolean {
  return error instanceof ApiError && [404, 410].includes(error.problem.status);
}
