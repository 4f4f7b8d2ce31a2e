import { ApiError } from '../shared/api.js';
import { sendRequest } from './request.js';
import { authorization, type Receipt } from './transfer.js';

/** The receipt in the text of an answer. */
export function receiptIn(text: string): Receipt {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the service's answers have the shapes that it documents
  return JSON.parse(text) as Receipt;
}

/** What the service says of a file now. @throws ApiError, DOMException when it is aborted */
export async function readReceipt(id: string, token: string, signal: AbortSignal): Promise<Receipt> {
  const headers = authorization(token);
  return receiptIn((await sendRequest({ method: 'GET', path: `/api/v1/files/${id}`, headers, signal })).text);
}

/** Takes back a file that is not stored yet; does nothing where there is none. @throws ApiError: `CONFLICT` where it is stored */
export async function removeFile(id: string, token: string, signal: AbortSignal): Promise<void> {
  const headers = authorization(token);
  try {
    await sendRequest({ method: 'DELETE', path: `/api/v1/files/${id}`, headers, signal });
  } catch (error) {
    if (!(error instanceof ApiError && error.problem.code === 'NOT_FOUND')) throw error;
  }
}
