import type { Readable } from 'node:stream';
import type { ReplayableBody } from '../../storage/replayable-body.js';
import type { ContentDigest } from '../../storage/storage-element.js';
import { AcceptedReader } from './accepted-reader.js';

/** An accepted file, to be sent as often as need be. Each attempt opens it anew; nothing stays open in between. */
export class AcceptedBody implements ReplayableBody {
  readonly replayable = true;

  constructor(
    private readonly path: string,
    private readonly promised: ContentDigest,
  ) {}

  get length(): number {
    return this.promised.size;
  }

  open(signal: AbortSignal): Readable {
    return new AcceptedReader(this.path, this.promised, signal);
  }

  /** What was promised; a stream that ends has had just that. */
  digest(): ContentDigest {
    return this.promised;
  }
}
