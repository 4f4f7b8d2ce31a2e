import { ApiError } from '../shared/api.js';
import { sendRequest } from './request.js';
import { authorization, type Receipt, type Remains } from './transfer.js';

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

/**
 * Takes back a file that is not stored yet, and says what the service has of it then. Of a file that is just being stored the
 * service knows nothing. @throws ApiError, DOMException when it is aborted
 */
export async function removeFile(id: string, token: string, signal: AbortSignal): Promise<Remains> {
  const headers = authorization(token);
  try {
    await sendRequest({ method: 'DELETE', path: `/api/v1/files/${id}`, headers, signal });
  } catch (error) {
    // It is stored already, or not known: its receipt says more.
    if (!hasCode(error, 'NOT_FOUND') && !hasCode(error, 'CONFLICT')) throw error;
  }
  try {
    return await readReceipt(id, token, signal);
  } catch (error) {
    if (!hasCode(error, 'NOT_FOUND')) throw error;
    return 'unknown';
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof ApiError && error.problem.code === code;
}
