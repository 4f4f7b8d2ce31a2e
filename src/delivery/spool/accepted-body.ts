import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { LinkedFile } from '../../body/body-source.js';
import { giveSecondName } from '../../body/second-name.js';
import type { ReplayableBody } from '../../storage/replayable-body.js';
import type { ContentDigest, BodyRanges } from '../../storage/storage-element.js';
import { AcceptedRange } from './accepted-range.js';
import { AcceptedReader, type ReadHooks } from './accepted-reader.js';

/** An accepted file, to be sent as often as need be. Each attempt opens it anew; nothing stays open in between. */
export class AcceptedBody implements ReplayableBody {
  readonly replayable = true;
  #newest: AcceptedReader | undefined;

  constructor(
    private readonly path: string,
    private readonly promised: ContentDigest,
    private readonly hooks: ReadHooks,
  ) {}

  /** Looks at nothing but the bytes: whether the file may be finished is for the stream of all of it. */
  get ranges(): BodyRanges {
    const { path, hooks } = this;
    return {
      keptBytes: this.promised.size,
      read: (from, bytes, signal) =>
        new AcceptedRange(path, { from, to: from + bytes }, signal, (passed) => hooks.passed?.(passed)),
    };
  }

  get length(): number {
    return this.promised.size;
  }

  /** Bytes that the target of the newest attempt was given. */
  get bytesTaken(): number {
    return this.#newest?.bytesTaken ?? 0;
  }

  /** Has the target of the newest attempt all of it? Then it may have the file, whatever comes back. */
  get handedOver(): boolean {
    return this.#newest?.handedOver ?? false;
  }

  open(signal: AbortSignal): Readable {
    this.#newest = new AcceptedReader(this.path, this.promised, signal, this.hooks);
    return this.#newest;
  }

  /** Another attempt begins: how far the one before came is told no more. */
  beginAttempt(): void {
    this.#newest = undefined;
  }

  /** It is durable, but may have been damaged since: it is read and compared with what was promised, as for every other target. */
  async linkTo(path: string, signal: AbortSignal): Promise<LinkedFile | undefined> {
    if (!(await giveSecondName(this.path, path))) return undefined;
    return { whenWhole: () => this.#compare(signal), sync: () => Promise.resolve() };
  }

  /** What was promised; a stream that ends has had just that. */
  digest(): ContentDigest {
    return this.promised;
  }

  async #compare(signal: AbortSignal): Promise<true> {
    await finished(this.open(signal).resume());
    return true;
  }
}
