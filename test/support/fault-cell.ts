import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningApp, startApp } from './app.js';
import { StorageElementServer, type UploadFault } from './storage-element-server.js';

/** How a file is sent. */
export interface Upload {
  readonly name: string;
  readonly method: 'POST' | 'PUT';
  readonly bytes: number;
}

/** Is the element that fails the only one, or is there a healthy second one, of the same mode and later priority? */
export type Elements = 'one' | 'two';

/** What the element does with an upload of so many bytes; or where it is, for one that is not ours or not there. */
export type CellFault = ((bytes: number) => UploadFault) | 'refused' | { readonly url: string };

/**
 * No circuit opens, so that every attempt meets the fault. Nothing is kept for later, since a file that is accepted
 * meets the fault again and again until the test is over.
 */
const VARIABLES = {
  DELIVER_LATER: 'false',
  STORAGE_RETRY_BASE_MS: '20',
  STORAGE_RETRY_MAX_MS: '100',
  STORAGE_CIRCUIT_FAILURE_THRESHOLD: '1000',
  SHUTDOWN_DRAIN_DELAY_MS: '0',
};

/**
 * Times short enough for a test, for faults that an element is given up for by the clock alone. Not for others: on a
 * busy machine a healthy element is late as well.
 */
export const SHORT_TIMES = {
  STORAGE_STALL_TIMEOUT_MS: '1000',
  STORAGE_COMMIT_TIMEOUT_MS: '1000',
  STORAGE_REQUEST_TIMEOUT_MS: '2000',
};

const STRAGGLERS_MS = 15_000;

/** What the client was told. */
interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A service of its own for one cell, and its two elements, of which the first fails; it may know only that one. */
export interface FaultCell {
  readonly running: RunningApp;
  readonly elements: readonly StorageElementServer[];
  readonly upload: Upload;
}

export async function startCell(
  fault: CellFault,
  upload: Upload,
  known: Elements,
  variables?: Record<string, string>,
): Promise<FaultCell> {
  const first = await StorageElementServer.start({
    fault: typeof fault === 'function' ? fault(upload.bytes) : undefined,
  });
  const second = await StorageElementServer.start();
  if (fault === 'refused') await first.close();
  const urls = [typeof fault === 'object' ? fault.url : first.url, second.url];
  const running = await startApp({
    ...VARIABLES,
    ...variables,
    STORAGE_ELEMENTS: elementsAt(known === 'one' ? urls.slice(0, 1) : urls),
  });
  return { running, elements: [first, second], upload };
}

/** Sends the upload of a cell, says what became of it, and closes what the cell opened. */
export async function outcomeOf({ running, elements, upload }: FaultCell): Promise<string> {
  try {
    const content = randomBytes(upload.bytes);
    const answer = await send(running, upload, content);
    await settled(elements);
    return describe(answer, sha256(content), elements);
  } finally {
    await running.close();
    await Promise.all(elements.map((element) => element.close()));
  }
}

/** The variable `STORAGE_ELEMENTS`: elements for temporary files at `urls`, the preferred one first. */
export function elementsAt(urls: readonly string[]): string {
  return JSON.stringify(
    urls.map((url, index) => ({ id: `se-${index + 1}`, driver: 'http', url, mode: 'edit', priority: index })),
  );
}

async function send(running: RunningApp, { method }: Upload, content: Buffer<ArrayBuffer>): Promise<Answer> {
  const form = new FormData();
  form.append('file', new Blob([content]), 'a.bin');
  const response = await fetch(`${running.url}/api/v1/files/${method === 'POST' ? 'upload' : randomUUID()}`, {
    method,
    headers: { authorization: `Bearer ${await running.token()}` },
    body: method === 'POST' ? form : content,
  });
  return {
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    body: (await response.json()) as Record<string, unknown>,
  };
}

/** Waits for stragglers: a slow element goes on for a while with what its sender had sent before it went away. */
async function settled(elements: readonly StorageElementServer[]): Promise<void> {
  const uploads = elements.flatMap((element) => element.uploads);
  const deadline = Date.now() + STRAGGLERS_MS;
  while (uploads.some(({ state }) => state === 'receiving')) {
    if (Date.now() > deadline) throw new Error('an element is still receiving a file');
    await sleep(20);
  }
}

function describe(answer: Answer, checksum: string, elements: readonly StorageElementServer[]): string {
  const answered =
    answer.status === 201 ? receiptText(answer, checksum) : `${answer.status} ${String(answer.body.code)}`;
  const wait = answer.retryAfter === null ? '' : ' with Retry-After';
  return `${answered}${wait}, ${placeText(answer, checksum, elements)}`;
}

function receiptText({ body }: Answer, checksum: string): string {
  return body.checksum === checksum ? '201' : '201 with a wrong checksum';
}

/** Where the file is, and under which id; a file with other bytes is told of first. */
function placeText(
  { status, body }: Answer,
  checksum: string,
  elements: readonly StorageElementServer[],
): string {
  const found = elements.flatMap(({ files }, index) =>
    [...files.values()].map((file) => ({ file, place: index === 0 ? 'the first' : 'the second' })),
  );
  if (found.some(({ file }) => file.sha256 !== checksum)) return 'with wrong bytes stored';
  if (found.length === 0) return 'nothing stored';
  const places = [...new Set(found.map(({ place }) => place))].join(' and ');
  if (status === 201 && !found.some(({ file }) => file.fileId === body.file_id))
    return `under another id at ${places}`;
  return found.length === 1 ? `once, at ${places}` : `${found.length} times, at ${places}`;
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
