import type { Readable } from 'node:stream';
import type { LinkedFile } from '../body/body-source.js';
import type { ReplayableBody } from './replayable-body.js';
import type { ContentDigest, FileBody, BodyRanges } from './storage-element.js';

/** The bytes of one attempt to store a file. Nothing is opened before the driver asks for it. */
export class OutgoingBody implements FileBody {
  #stream: Readable | undefined;

  constructor(
    private readonly body: ReplayableBody,
    private readonly signal: AbortSignal,
    /** Is told of bytes that go out. */
    private readonly count: (bytes: number) => void,
  ) {}

  get length(): number | undefined {
    return this.body.length;
  }

  takeWhole(): Buffer | undefined {
    const { whole } = this.body;
    if (whole) this.count(whole.length);
    return whole;
  }

  async linkTo(path: string, signal: AbortSignal): Promise<LinkedFile | undefined> {
    const file = await this.body.linkTo?.(path, signal);
    return file && { whenWhole: () => this.#countWhole(file), sync: () => file.sync() };
  }

  get stream(): Readable {
    // Paused, so that to listen does not begin it: that is for the driver.
    this.#stream ??= this.body
      .open(this.signal)
      .pause()
      .on('data', ({ length }: Buffer) => this.count(length));
    return this.#stream;
  }

  get ranges(): BodyRanges | undefined {
    return this.body.ranges;
  }

  digest(): ContentDigest {
    return this.body.digest();
  }

  /** The attempt is over. */
  close(): void {
    this.#stream?.destroy();
  }

  async #countWhole(file: LinkedFile): Promise<boolean> {
    const isWhole = await file.whenWhole();
    if (isWhole) this.count(this.digest().size);
    return isWhole;
  }
}
