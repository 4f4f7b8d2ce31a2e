import type { Readable } from 'node:stream';
import type { ReplayableBody } from '../../storage/replayable-body.js';
import type { ContentDigest } from '../../storage/storage-element.js';
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

  /** What was promised; a stream that ends has had just that. */
  digest(): ContentDigest {
    return this.promised;
  }
}
