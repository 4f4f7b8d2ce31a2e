import { ServiceError } from '../../../errors/service-error.js';
import type { ContentDigest, FileDescription } from '../../storage-element.js';
import { classifyFailure, STORAGE_CODES } from '../../../outbound/classify-failure.js';
import { recordText } from './file-record.js';
import { storageHeaders } from './object-headers.js';
import type { Part, PartCutter } from './part-cutter.js';
import { PartSender } from './part-sender.js';
import { bufferPayload } from './payload.js';
import { type S3Bucket, whoseAnswer, whoseFile } from './s3-bucket.js';
import { s3CodeOf } from './s3-errors.js';
import type { BegunMultipart, StoredPart } from './s3-multiparts.js';
import { withRetries } from './s3-retries.js';
import { idTaken } from '../storage-failures.js';

/** An upload in parts that goes on, or begins. */
export interface MultipartPlan {
  readonly file: FileDescription;
  readonly attempt: string;
  readonly begun: BegunMultipart;
  readonly stored: ReadonlyMap<number, StoredPart>;
  /** Was the object begun so that it takes a companion? */
  readonly hasCompanion: boolean;
}

/**
 * The parts of one file, its companion, and at last the order to make the file of them, which is held back until all of the body
 * was found good.
 */
export class MultipartUpload {
  #mayBeFile = false;

  constructor(
    private readonly bucket: S3Bucket,
    private readonly plan: MultipartPlan,
  ) {}

  /** Was the store told to make the file, without a clear answer? Then it may have it. */
  get mayBeFile(): boolean {
    return this.#mayBeFile;
  }

  /** @throws what the body, a part or the store failed with; then nothing of it is under way */
  async run(
    first: Part,
    cutter: PartCutter,
    digest: () => ContentDigest,
    stop: AbortController,
  ): Promise<void> {
    const { multiparts, settings } = this.bucket;
    const { begun, stored } = this.plan;
    const sender = new PartSender({ multiparts, begun, stored, concurrent: settings.concurrentParts }, stop);
    await sender.sendAll(first, cutter);
    await this.#writeCompanion(digest(), stop.signal);
    await this.#complete(sender.sent, sender.bytes, stop.signal);
  }

  /** Before the file itself is there, so that there is none without it. */
  async #writeCompanion(digest: ContentDigest, signal: AbortSignal): Promise<void> {
    const { hasCompanion, file, attempt } = this.plan;
    if (!hasCompanion) return;
    await writeCompanion(this.bucket, attempt, recordText(file, digest), { id: file.fileId, signal });
  }

  async #complete(parts: readonly StoredPart[], bytes: number, signal: AbortSignal): Promise<void> {
    const { multiparts, conditions } = this.bucket;
    const { begun } = this.plan;
    const ifAbsent = await conditions.areKept();
    // Asked in any case: there are stores that know the condition for a whole file only.
    const { objects, keys } = this.bucket;
    const key = keys.file(this.plan.file.fileId);
    const there = await withRetries(() => objects.headBeforeWrite(key, signal), signal);
    if (whoseAnswer(there, { attempt: this.plan.attempt, size: bytes }) === 'taken') throw idTaken();
    this.#mayBeFile = true;
    let lost: unknown;
    const order = async (): Promise<void> => {
      await multiparts.complete(begun, parts, { bytes, ifAbsent }, signal).catch((error: unknown) => {
        if (classifyFailure(error, STORAGE_CODES).mayHaveSucceeded) lost ??= error;
        throw error;
      });
    };
    try {
      await withRetries(order, signal);
    } catch (error) {
      if (await this.#wasMade(error, bytes, signal)) return;
      // What an order before may have brought about, the refusal of this one does not take back.
      this.#mayBeFile &&= lost !== undefined || signal.aborted;
      throw this.#mayBeFile ? (lost ?? error) : error;
    }
    this.#mayBeFile = false;
  }

  /**
   * Has the order been carried out all the same? An order that is repeated, as its answer was lost, finds its upload gone or its
   * own file in the way. @throws CONFLICT where the file of another is
   */
  async #wasMade(error: unknown, bytes: number, signal: AbortSignal): Promise<boolean> {
    const code = s3CodeOf(error);
    const isClear =
      code === 'PreconditionFailed' || code === '412' || code === 'NoSuchUpload' || code === '404';
    if (!isClear) return false;
    const whose = await this.#whose(bytes, signal);
    this.#mayBeFile = false;
    if (whose === 'taken' || (whose === 'absent' && code !== 'NoSuchUpload' && code !== '404'))
      throw idTaken(error);
    return whose === 'ours';
  }

  #whose(size: number, signal: AbortSignal): Promise<'ours' | 'taken' | 'absent'> {
    const { file, attempt } = this.plan;
    return withRetries(() => whoseFile(this.bucket, file.fileId, { attempt, size }, signal), signal);
  }
}

/** Writes the companion of the file `id` that `attempt` stores; harmless when repeated. */
export async function writeCompanion(
  { objects, keys, settings, kinds }: S3Bucket,
  attempt: string,
  text: string,
  { id, signal }: { readonly id: string; readonly signal: AbortSignal },
): Promise<void> {
  const headers = { 'content-type': 'application/json', ...storageHeaders(settings) };
  const payload = bufferPayload(Buffer.from(text), kinds);
  await withRetries(() => objects.put(keys.companion(id, attempt), payload, headers, signal), signal);
}

/** What says that the parts will never be a file. */
const ENDS = new Set(['NoSuchUpload', 'InvalidPart', 'InvalidPartOrder', 'EntityTooSmall']);

/** Is it sure that no later attempt can go on with what there is? */
export function endsUpload(error: unknown): boolean {
  const code = error instanceof ServiceError ? error.code : undefined;
  return code === 'CONFLICT' || code === 'VALIDATION_ERROR' || ENDS.has(s3CodeOf(error) ?? '');
}
