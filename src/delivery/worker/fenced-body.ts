import { Readable } from 'node:stream';
import { asError } from '../../errors/as-error.js';
import type { ReplayableBody } from '../../storage/replayable-body.js';
import type { ContentDigest } from '../../storage/storage-element.js';

const HIGH_WATER_MARK_BYTES = 64 * 1024;

/**
 * A body whose last bytes are held back until `mayFinish` has let them go: an element never sees the end of a file
 * that is another replica's to deliver by now.
 */
export class FencedBody implements ReplayableBody {
  readonly replayable = true;
  #bytesTaken = 0;
  #handedOver = false;

  /**
   * `mayFinish` throws where the file must not be finished; `finished` is called before the last bytes go, and when they
   * have gone.
   */
  constructor(
    private readonly body: ReplayableBody,
    private readonly mayFinish: () => void,
    private readonly finished: () => void,
  ) {}

  get length(): number | undefined {
    return this.body.length;
  }

  /** Bytes that the newest reader was given. */
  get bytesTaken(): number {
    return this.#bytesTaken;
  }

  /** Has the newest reader all of it? Then its target may have the file, whatever comes back. */
  get handedOver(): boolean {
    return this.#handedOver;
  }

  digest(): ContentDigest {
    return this.body.digest();
  }

  open(signal: AbortSignal): Readable {
    this.#bytesTaken = 0;
    this.#handedOver = false;
    const source = this.body.open(signal);
    const stream = Readable.from(this.#read(source), {
      objectMode: false,
      highWaterMark: HIGH_WATER_MARK_BYTES,
    });
    // Nobody may listen when it fails: that must not end the process.
    stream.on('error', () => undefined);
    const abort = (): void => void stream.destroy(asError(signal.reason));
    // Also where nobody has begun to read it, and the generator that would do it never ran.
    stream.once('close', () => {
      signal.removeEventListener('abort', abort);
      source.destroy();
    });
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    return stream;
  }

  async *#read(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let held: Buffer | undefined;
    for await (const bytes of source) {
      if (held) yield this.#hand(held);
      held = bytes;
    }
    this.mayFinish();
    this.#handedOver = true;
    this.finished();
    if (held) yield this.#hand(held);
    this.finished();
  }

  #hand(bytes: Buffer): Buffer {
    this.#bytesTaken += bytes.length;
    return bytes;
  }
}
