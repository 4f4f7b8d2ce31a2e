import { asError } from '../errors/as-error.js';
import type { ActiveUpload } from './active-uploads.service.js';
import type { IncomingFile } from './file/incoming-file.js';
import type { FileHead, Pump, UploadSink } from './upload-source.js';

/** Where the bytes of an upload go. */
export interface Reception {
  readonly active: ActiveUpload;
  /** Makes what takes the file. */
  readonly openFile: (head: FileHead) => IncomingFile;
  readonly received: UploadSink['received'];
}

/** A file whose first byte has come, or that has none. */
export interface BegunFile {
  readonly head: FileHead;
  readonly body: IncomingFile;
  /** Resolves when all of the upload has come and was found good; rejects when it was bad, or has to stop. */
  readonly arrived: Promise<void>;
}

/**
 * Takes an upload in and does `place` with its file, side by side: `place` begins with the file's first byte, or at the end
 * of a file that has none, so that it knows which of the two it is.
 * Whichever fails first stops the other, and its error is the one that is thrown: a client that leaves ends the outgoing
 * call at once, and a `place` that gives up ends the reading. One that does not give up, although no storage element takes
 * the file, waits until all of it has arrived.
 */
export async function receive<T>(
  pump: Pump,
  { active, openFile, received }: Reception,
  place: (file: BegunFile) => Promise<T>,
): Promise<T> {
  const begun = Promise.withResolvers<Omit<BegunFile, 'arrived'>>();
  let body: IncomingFile | undefined;
  const begin = (head: FileHead): IncomingFile => {
    const file = openFile(head);
    body = file;
    void file.whenBegun.then(() => begun.resolve({ head, body: file }));
    return file;
  };
  const stop = (error: Error): void => {
    active.abort(error);
    body?.fail(error);
    begun.reject(error);
  };
  active.signal.addEventListener('abort', () => stop(asError(active.signal.reason)), { once: true });
  const arrived = pump({ received, begin }, active.signal);
  arrived.catch((error: unknown) => stop(asError(error)));
  try {
    return await place({ ...(await begun.promise), arrived });
  } catch (error) {
    stop(asError(error));
    throw active.signal.reason;
  } finally {
    await body?.dispose();
  }
}
