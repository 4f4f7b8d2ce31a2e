import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RunningApp, startApp } from './app.js';
import { bucketElement, type CellElement, serverElement } from './cell-element.js';
import type { S3Fault } from './s3-double/s3-faults.js';
import { StorageElementServer, type UploadFault } from './storage-element-server.js';

/** How a file is sent. */
export interface Upload {
  readonly name: string;
  readonly method: 'POST' | 'PUT';
  readonly bytes: number;
}

/** Is the element that fails the only one, or is there a healthy second one, of the same mode and later priority? */
export type Elements = 'one' | 'two';

/**
 * What the element does with an upload of so many bytes; or where it is, for one that is not ours or not there; or what the store
 * of a bucket does.
 */
export type CellFault =
  | ((bytes: number) => UploadFault)
  | 'refused'
  | { readonly url: string }
  | { readonly bucket: readonly S3Fault[] };

/**
 * No circuit opens, so that every attempt meets the fault. Nothing is kept for later, since a file that is accepted
 * meets the fault again and again until the test is over.
 */
const VARIABLES = {
  DELIVER_LATER: 'false',
  STORAGE_RETRY_ATTEMPTS: '2',
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
  STORAGE_STALL_TIMEOUT_MS: '2000',
  STORAGE_COMMIT_TIMEOUT_MS: '2000',
};

const STRAGGLERS_MS = 15_000;

/** What a client has sent, and was told. */
interface Sent {
  readonly name: string;
  readonly checksum: string;
  readonly status: number;
  readonly retryAfter: string | null;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A service that knows one or both of its two elements, of which the first fails. */
interface FaultService {
  readonly running: RunningApp;
  readonly elements: readonly CellElement[];
}

/**
 * Sends all uploads at once to a service of their own, and says what became of each, in their order. The element tells
 * them apart by their request ids.
 */
export async function outcomesOf(
  { fault, variables }: { fault: CellFault; variables?: Readonly<Record<string, string>> },
  uploads: readonly Upload[],
  known: Elements,
): Promise<string[]> {
  const service = await startService(fault, uploads, known, variables);
  try {
    const sent = await Promise.all(uploads.map((upload) => send(service.running, upload)));
    await settled(service.elements);
    return sent.map((each) => describe(each, service.elements));
  } finally {
    await service.running.close();
    await Promise.all(service.elements.map((element) => element.close()));
  }
}

async function startService(
  fault: CellFault,
  uploads: readonly Upload[],
  known: Elements,
  variables?: Readonly<Record<string, string>>,
): Promise<FaultService> {
  const first = await failingElement(fault, uploads);
  const second = serverElement(await StorageElementServer.start());
  const elements = [first, second];
  const entries = elements.map(({ entry }) => entry);
  const running = await startApp({
    ...VARIABLES,
    ...variables,
    STORAGE_ELEMENTS: elementsWith(known === 'one' ? entries.slice(0, 1) : entries),
  });
  return { running, elements };
}

async function failingElement(fault: CellFault, uploads: readonly Upload[]): Promise<CellElement> {
  if (typeof fault === 'object' && 'bucket' in fault) return bucketElement(fault.bucket);
  const faultOf = (requestId: unknown): UploadFault | undefined => {
    const upload = uploads.find((each) => nameOf(each) === requestId);
    if (!upload) throw new Error(`nobody has sent ${String(requestId)}`);
    return typeof fault === 'function' ? fault(upload.bytes) : undefined;
  };
  const server = await StorageElementServer.start({ fault: (headers) => faultOf(headers['x-request-id']) });
  if (fault === 'refused') await server.close();
  return serverElement(server, typeof fault === 'object' ? fault.url : server.url);
}

/** The variable `STORAGE_ELEMENTS`: elements for temporary files at `urls`, the preferred one first. */
export function elementsAt(urls: readonly string[]): string {
  return elementsWith(urls.map((url) => ({ driver: 'http', url })));
}

function elementsWith(entries: readonly object[]): string {
  return JSON.stringify(
    entries.map((entry, index) => ({ id: `se-${index + 1}`, mode: 'edit', priority: index, ...entry })),
  );
}

/** Request id and file name of an upload. */
function nameOf({ method, bytes }: Upload): string {
  return `${method}-${bytes}`;
}

async function send(running: RunningApp, upload: Upload): Promise<Sent> {
  const { method, bytes } = upload;
  const name = nameOf(upload);
  const content = randomBytes(bytes);
  const form = new FormData();
  form.append('file', new Blob([content]), name);
  const response = await fetch(`${running.url}/api/v1/files/${method === 'POST' ? 'upload' : randomUUID()}`, {
    method,
    headers: {
      authorization: `Bearer ${await running.token()}`,
      'x-request-id': name,
      ...(method === 'PUT' && { 'content-disposition': `attachment; filename="${name}"` }),
    },
    body: method === 'POST' ? form : content,
  });
  return {
    name,
    checksum: createHash('sha256').update(content).digest('hex'),
    status: response.status,
    retryAfter: response.headers.get('retry-after'),
    body: (await response.json()) as Record<string, unknown>,
  };
}

/** Waits for stragglers: a slow element goes on for a while with what its sender had sent before it went away. */
async function settled(elements: readonly CellElement[]): Promise<void> {
  const deadline = Date.now() + STRAGGLERS_MS;
  while (elements.some(({ isBusy }) => isBusy)) {
    if (Date.now() > deadline) throw new Error('an element is still receiving a file, or has parts of one');
    await sleep(20);
  }
}

function describe(sent: Sent, elements: readonly CellElement[]): string {
  const { status, retryAfter, body } = sent;
  const answered = status === 201 ? receiptText(sent) : `${status} ${String(body.code)}`;
  const wait = retryAfter === null ? '' : ' with Retry-After';
  return `${answered}${wait}, ${placeText(sent, elements)}`;
}

function receiptText({ body, checksum }: Sent): string {
  return body.checksum === checksum ? '201' : '201 with a wrong checksum';
}

/** Where the file is, and under which id; a file with other bytes is told of first. */
function placeText(sent: Sent, elements: readonly CellElement[]): string {
  const found = elements.flatMap(({ files }, index) =>
    files
      .filter(({ filename }) => filename === sent.name)
      .map((file) => ({ file, place: index === 0 ? 'the first' : 'the second' })),
  );
  if (found.some(({ file }) => file.sha256 !== sent.checksum)) return 'with wrong bytes stored';
  if (found.length === 0) return 'nothing stored';
  const places = [...new Set(found.map(({ place }) => place))].join(' and ');
  if (sent.status === 201 && !found.some(({ file }) => file.fileId === sent.body.file_id))
    return `under another id at ${places}`;
  return found.length === 1 ? `once, at ${places}` : `${found.length} times, at ${places}`;
}
