import { ServiceError } from '../../../errors/service-error.js';
import { randomHex } from '../../../observability/random-ids.js';
import { abortable } from '../../../outbound/abortable.js';
import { classifyFailure, STORAGE_CODES } from '../../../outbound/classify-failure.js';
import { bodySentOf } from '../../../outbound/target-failure.js';
import type {
  ContentDigest,
  FileBody,
  FileDescription,
  StoredFile,
  UploadCheckpoint,
} from '../../storage-element.js';
import type { AbandonedUploads } from './abandoned-uploads.js';
import { storedFileOf } from '../stored-record.js';
import { recordText } from './file-record.js';
import { endsUpload, type MultipartPlan, MultipartUpload, writeCompanion } from './multipart-upload.js';
import { markOf, objectHeaders, type ObjectHeaders } from './object-headers.js';
import { type Part, PartCutter } from './part-cutter.js';
import { bufferPayload, type DigestKind, type Payload } from './payload.js';
import { fileIn, type S3Bucket } from './s3-bucket.js';
import { withRetries } from './s3-retries.js';
import { stateOf, stateText, type UploadState } from './upload-checkpoint.js';
import { bodyFailure, idTaken, withAnswerLost, certainlyNotMade } from '../storage-failures.js';

/** What it takes to store one file. */
export interface FileUploadParts {
  readonly bucket: S3Bucket;
  readonly abandoned: AbandonedUploads;
  /** With the id in small letters. */
  readonly file: FileDescription;
  readonly body: FileBody;
  /** Bytes of a part, where the upload does not go on. */
  readonly partBytes: number;
  readonly checkpoint?: UploadCheckpoint;
}

/** One attempt to store a file: as a whole where it is small, else in parts. */
export class FileUpload {
  readonly #resumed: UploadState | undefined;
  readonly #attempt: string;
  readonly #key: string;
  /** Was the store told to make the file, without a clear answer? Then it may have it. */
  #mayBeFile = false;

  constructor(private readonly parts: FileUploadParts) {
    const { bucket, file, checkpoint } = parts;
    this.#key = bucket.keys.file(file.fileId);
    this.#resumed = stateOf(checkpoint?.load(), this.#key);
    this.#attempt = this.#resumed?.attempt ?? randomHex(16);
  }

  /** @throws whatever `StorageElement.put` does */
  async store(signal: AbortSignal): Promise<StoredFile> {
    const { body, bucket, partBytes } = this.parts;
    // Derived by hand: `AbortSignal.any` keeps every derived signal as long as its parent lives.
    const stop = new AbortController();
    const onAbort = (): void => stop.abort(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      // Who leaves does not wait until it is known what the store does.
      await abortable(signal, bucket.conditions.areKept());
      const whole = body.takeWhole();
      if (whole)
        return await this.#storeWhole(bufferPayload(whole, bucket.kinds, this.#knownDigests()), stop.signal);
      const kinds = this.#resumed ? new Set<DigestKind>([...bucket.kinds, 'md5']) : bucket.kinds;
      const settings = { partBytes: this.#resumed?.partBytes ?? partBytes, kinds };
      return await this.#storeStream(new PartCutter(body, settings, stop.signal), stop);
    } catch (error) {
      throw this.#marked(error);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #storeStream(cutter: PartCutter, stop: AbortController): Promise<StoredFile> {
    const { body } = this.parts;
    try {
      const first = await cutter.next();
      return await (first.isLast
        ? this.#storeWhole(first.payload, stop.signal)
        : this.#storeParts(first, cutter, stop));
    } catch (error) {
      // What breaks the body breaks the parts that are read of it, too.
      throw body.stream.errored ? bodyFailure(body.stream.errored) : error;
    } finally {
      cutter.release();
    }
  }

  async #storeWhole(payload: Payload, signal: AbortSignal): Promise<StoredFile> {
    const { file, body, bucket, abandoned } = this.parts;
    const digest = body.digest();
    const object = objectHeaders(file, { attempt: this.#attempt, digest }, bucket.settings);
    const { fileId: id } = file;
    try {
      if (object.hasCompanion) {
        await writeCompanion(bucket, this.#attempt, recordText(file, digest), { id, signal });
      }
      await this.#put(payload, object, signal);
    } catch (error) {
      this.#mayBeFile &&= classifyFailure(error, STORAGE_CODES).mayHaveSucceeded ?? signal.aborted;
      const { hasCompanion } = object;
      // What may be a file keeps its companion.
      if (hasCompanion && !this.#mayBeFile) abandoned.remove({ id, attempt: this.#attempt, hasCompanion });
      throw error;
    }
    return storedFileOf(file, digest);
  }

  /** @throws CONFLICT where there is a file of that id */
  async #put(payload: Payload, { headers }: ObjectHeaders, signal: AbortSignal): Promise<void> {
    const { objects, conditions } = this.parts.bucket;
    if (await conditions.areKept()) {
      this.#mayBeFile = true;
      if ((await objects.create(this.#key, payload, headers, signal)) === 'taken') throw idTaken();
      return;
    }
    if (await objects.headBeforeWrite(this.#key, signal)) throw idTaken();
    this.#mayBeFile = true;
    await objects.put(this.#key, payload, headers, signal);
  }

  async #storeParts(first: Part, cutter: PartCutter, stop: AbortController): Promise<StoredFile> {
    const { file, body, bucket, checkpoint } = this.parts;
    const plan = await this.#begin(stop.signal);
    if (!plan) {
      this.#mayBeFile = true;
      await this.#readOn(first, cutter, stop.signal);
    } else {
      const upload = new MultipartUpload(bucket, plan);
      try {
        await upload.run(first, cutter, () => body.digest(), stop);
      } catch (error) {
        this.#mayBeFile = upload.mayBeFile;
        if (!(await this.#wasMade(error, plan, stop.signal))) throw error;
      }
    }
    await checkpoint?.save(undefined);
    return storedFileOf(file, body.digest());
  }

  /** Goes on with the upload that was saved, or begins one. Undefined where the one that was saved has become the file. */
  async #begin(signal: AbortSignal): Promise<MultipartPlan | undefined> {
    const { file, body, bucket, checkpoint, partBytes } = this.parts;
    const attempt = this.#attempt;
    const resumed = this.#resumed;
    if (resumed) {
      const stored = await withRetries(() => bucket.multiparts.parts(resumed, signal), signal);
      if (stored) return { file, attempt, begun: resumed, stored, hasCompanion: resumed.hasCompanion };
      if (await this.#isMade(signal)) return undefined;
    }
    const object = objectHeaders(file, { attempt, digest: digestBefore(body) }, bucket.settings);
    const begun = await withRetries(() => bucket.multiparts.begin(this.#key, object.headers, signal), signal);
    const { hasCompanion } = object;
    await checkpoint?.save(
      stateText({ ...begun, attempt, partBytes: resumed?.partBytes ?? partBytes, hasCompanion }),
    );
    return { file, attempt, begun, stored: new Map(), hasCompanion };
  }

  async #isMade(signal: AbortSignal): Promise<boolean> {
    const { bucket } = this.parts;
    const answer = await withRetries(() => bucket.objects.head(this.#key, signal), signal);
    return answer !== undefined && markOf(answer).attempt === this.#attempt;
  }

  /** Reads the body to its end, of which the file was made already. @throws CONFLICT where it is another one */
  async #readOn(first: Part, cutter: PartCutter, signal: AbortSignal): Promise<void> {
    const { body, bucket, file } = this.parts;
    for (let part = first; !part.isLast;) part = await cutter.next();
    const { size, sha256 } = body.digest();
    const made = await withRetries(() => fileIn(bucket, file.fileId, signal), signal);
    if (made?.size !== size || made.sha256 !== sha256) throw idTaken();
  }

  /**
   * Clears up after an upload that failed, unless another attempt will go on with it. Where the store may have made the file,
   * it is asked. Gives true where it has.
   */
  async #wasMade(
    error: unknown,
    { begun, hasCompanion }: MultipartPlan,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { abandoned, file, body, checkpoint } = this.parts;
    if (checkpoint && !endsUpload(error)) return false;
    const { fileId: id } = file;
    const left = { id, attempt: this.#attempt, begun, hasCompanion };
    if (!this.#mayBeFile) {
      abandoned.remove(left);
      await checkpoint?.save(undefined);
      return false;
    }
    const { size } = body.digest();
    if (signal.aborted) {
      abandoned.removeUnlessMade({ ...left, size });
      return false;
    }
    try {
      this.#mayBeFile = await abandoned.wasMade({ ...left, size });
      return this.#mayBeFile;
    } catch {
      return false;
    }
  }

  /** Says in an error of the store whether the file may be there all the same. */
  #marked(error: unknown): unknown {
    if (!(error instanceof ServiceError) || !STORAGE_CODES.includes(error.code)) return error;
    if (!this.#mayBeFile) return certainlyNotMade(error);
    return bodySentOf(error) === true ? error : withAnswerLost(error);
  }

  /** The SHA-256 of a file that is here whole is known. */
  #knownDigests(): { readonly sha256: Buffer } {
    return { sha256: Buffer.from(this.parts.body.digest().sha256, 'hex') };
  }
}

/** The digest, where it is known before the bytes are read: of a file that was kept, or is sent once more. */
function digestBefore(body: FileBody): ContentDigest | undefined {
  try {
    return body.digest();
  } catch {
    return undefined;
  }
}
