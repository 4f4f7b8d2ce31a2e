import { unlink } from 'node:fs';
import { promisify } from 'node:util';
import type { LinkedFile } from '../../../body/body-source.js';
import type { FileBody } from '../../storage-element.js';
import { type Blocks, StreamBlocks, wholeBlock } from '../body-blocks.js';
import { NewFile } from './new-file.js';

const unlinkFile = promisify(unlink);

/** The content of a file, with all of its bytes. */
export interface Content {
  readonly bytes: number;
  /** Makes it durable. @throws Error of the file system */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Calls what makes a file, once there is a folder for it. */
export type Create = <T>(create: () => Promise<T>) => Promise<T>;

/**
 * Makes the content of a file of the bytes of a body: one more name of the file that has them already, or else a copy. Used
 * once.
 */
export class ContentSource {
  #stream: StreamBlocks | undefined;
  #failure: { readonly reason: unknown } | undefined;

  constructor(
    private readonly body: FileBody,
    private readonly signal: AbortSignal,
  ) {}

  /** Is this what the body failed with? */
  failedWith(error: unknown): boolean {
    return this.#failure?.reason === error || this.#stream?.failedWith(error) === true;
  }

  /**
   * Makes a content as `path`, which nothing has; what fails may leave a part of it there.
   * @throws the failure of the body, the reason of the signal or an error of the file system
   */
  async contentAt(path: string, create: Create): Promise<Content> {
    const whole = this.body.takeWhole();
    if (whole) return copy(wholeBlock(whole), await create(() => NewFile.create(path)));
    const linked = await this.#linkTo(path, create);
    if (linked) return linked;
    this.#stream = new StreamBlocks(this.body.stream, this.signal);
    const blocks = this.#stream;
    try {
      return await copy(blocks, await create(() => NewFile.create(path)));
    } finally {
      blocks.release();
    }
  }

  async #linkTo(path: string, create: Create): Promise<Content | undefined> {
    const file = await create(() => this.#ofBody(this.body.linkTo?.(path, this.signal)));
    if (!file) return undefined;
    if (await this.#ofBody(file.whenWhole())) return linkedContent(file, this.body.digest().size);
    await unlinkFile(path);
    return undefined;
  }

  /** Takes what fails here for a failure of the body. */
  async #ofBody<T>(result: Promise<T> | undefined): Promise<T | undefined> {
    try {
      return await result;
    } catch (reason) {
      this.#failure = { reason };
      throw reason;
    }
  }
}

function linkedContent(file: LinkedFile, bytes: number): Content {
  return { bytes, sync: () => file.sync(), close: () => Promise.resolve() };
}

async function copy(blocks: Blocks, file: NewFile): Promise<Content> {
  try {
    for (;;) {
      const chunks = await blocks.next();
      if (chunks.length === 0) return file;
      await file.append(chunks);
    }
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
}
