import type { Caller } from '../auth/caller.js';
import type { DurableBody } from '../body/body-source.js';
import type { ReplayableBody } from '../storage/replayable-body.js';
import type { FileDescription } from '../storage/storage-element.js';
import type { UploadProgress } from './upload-progress.js';

/** The bytes of a file that finds its place while they come, or when they are all here. */
export interface PlaceableBody extends ReplayableBody {
  readonly receivedBytes: number;
  /** Have all bytes come, and were they found good? Before that no storage element can have the whole file. */
  readonly complete: boolean;
  /** What makes the file durable, once it is complete. */
  readonly durable: DurableBody;
  /** Rejects with SPOOL_FULL or INTERNAL_ERROR when the file cannot be kept any more; never resolves. */
  readonly whenLost: Promise<never>;
}

/**
 * `store`: at a storage element or nowhere; `store-or-keep`: where no element takes it, it is kept and stored later; `keep`:
 * it is stored later in any case, as the client asks.
 */
export type PlacementWish = 'store' | 'store-or-keep' | 'keep';

/** A file on its way to where it will rest. */
export interface FileToPlace {
  readonly description: FileDescription;
  readonly body: PlaceableBody;
  readonly caller: Caller;
  /** Did the caller choose the id? Then what is stored under it may have been acknowledged before. */
  readonly idIsCallers: boolean;
  /** Is it certain that nobody has tried to store a file under the id? Then nobody is asked for one. */
  readonly isIdNew?: boolean | undefined;
  /** Was the id made of an idempotency key? Then what is there under it has to be the same in its fields as well. */
  readonly isKeyed?: boolean | undefined;
  readonly wish: PlacementWish;
  /** Resolves when all of the upload has come and was found good; rejects when it was bad, or has to stop. */
  readonly arrived: Promise<void>;
  /** Aborted when the upload has to stop; its reason is the error that counts. */
  readonly signal: AbortSignal;
  /** Aborted when the client has gone: nobody waits for what is then still to begin. */
  readonly clientGone: AbortSignal;
  /** Is told where the file goes. */
  readonly progress?: UploadProgress | undefined;
}
