import { asError } from '../../../errors/as-error.js';
import type { Part, PartCutter } from './part-cutter.js';
import type { BegunMultipart, S3Multiparts, StoredPart } from './s3-multiparts.js';
import { withRetries } from './s3-retries.js';

/** What sends the parts of one upload. */
export interface PartSenderParts {
  readonly multiparts: S3Multiparts;
  readonly begun: BegunMultipart;
  /** Parts that the store has from an attempt before. */
  readonly stored: ReadonlyMap<number, StoredPart>;
  /** Parts that are sent at a time. */
  readonly concurrent: number;
}

/** Sends the parts of a file while they come, several at a time; one that is held in memory alone. */
export class PartSender {
  readonly #sent: StoredPart[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #bytes = 0;

  constructor(
    private readonly parts: PartSenderParts,
    /** Ends what is under way, and the waiting for bytes, once a part has failed. */
    private readonly stop: AbortController,
  ) {}

  /** Bytes of all parts that were cut. */
  get bytes(): number {
    return this.#bytes;
  }

  /** All parts in their order, once `sendAll` is done. */
  get sent(): readonly StoredPart[] {
    return this.#sent.toSorted((one, other) => one.number - other.number);
  }

  /** Sends `first` and all that come after it. When it fails, nothing is under way any more. */
  async sendAll(first: Part, cutter: PartCutter): Promise<void> {
    try {
      for (let part = first; ; part = await cutter.next()) {
        this.#bytes += part.payload.size;
        this.#begin(part);
        if (part.isLast) break;
        const most = part.isHeld ? 1 : this.parts.concurrent;
        while (this.#underWay.size >= most) await Promise.race(this.#underWay);
      }
      await Promise.all(this.#underWay);
    } catch (error) {
      this.stop.abort(asError(error));
      await Promise.allSettled(this.#underWay);
      throw error;
    }
  }

  #begin(part: Part): void {
    const known = this.parts.stored.get(part.number);
    if (known && isSame(known, part)) {
      this.#sent.push(known);
      return;
    }
    const sending = this.#send(part).finally(() => this.#underWay.delete(sending));
    // While nobody waits for it, it may fail; then the waiting for bytes ends with what it failed with.
    sending.catch((error: unknown) => this.stop.abort(asError(error)));
    this.#underWay.add(sending);
  }

  async #send({ number, payload }: Part): Promise<void> {
    const { multiparts, begun } = this.parts;
    const { signal } = this.stop;
    this.#sent.push(await withRetries(() => multiparts.sendPart(begun, number, payload, signal), signal));
  }
}

/** By the checksum that the store keeps of a part, or by its ETag, where that is an MD5; else it is sent again. */
function isSame(stored: StoredPart, { payload: { size, digests } }: Part): boolean {
  if (stored.size !== size) return false;
  const { sha256, crc64nvme, md5 } = digests;
  if (stored.checksum !== undefined) {
    return [sha256, crc64nvme].some((digest) => digest?.toString('base64') === stored.checksum);
  }
  return md5 !== undefined && stored.etag.replaceAll('"', '') === md5.toString('hex');
}
