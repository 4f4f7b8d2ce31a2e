import { dispositionOf } from './headers.js';
import { newId } from './ids.js';
import { receiptIn, removeFile } from './receipts.js';
import { sendRequest } from './request.js';
import { type Attempt, authorization, type Receipt, type Remains, type Transfer } from './transfer.js';

/** Sends a file as the body of one request, under an id of its own: sent again, it is the same upload. */
export class RawTransfer implements Transfer {
  readonly isResumable = false;
  private readonly id = newId();
  private isAllSent = false;

  constructor(private readonly file: File) {}

  async send({ token, signal, onSent }: Attempt): Promise<Receipt> {
    const { file } = this;
    onSent(0);
    const { text } = await sendRequest({
      method: 'PUT',
      path: `/api/v1/files/${this.id}`,
      headers: {
        ...authorization(token),
        'Content-Type': file.type || 'application/octet-stream',
        'Content-Disposition': dispositionOf(file.name),
      },
      body: file,
      signal,
      onSent: (bytes) => {
        if (bytes >= file.size) this.isAllSent = true;
        onSent(bytes);
      },
    });
    return receiptIn(text);
  }

  /** Of a request that was cut off nothing is kept. */
  async remove(token: string, signal: AbortSignal): Promise<Remains> {
    return this.isAllSent ? removeFile(this.id, token, signal) : 'nothing';
  }
}
