import { close, constants, fdatasync, open, writev } from 'node:fs';
import { promisify } from 'node:util';

// Plain descriptors: FileHandle and streams cost a small file more time than the disk does.
const openFile = promisify(open);
const writeFile = promisify(writev);
const syncFile = promisify(fdatasync);
const closeFile = promisify(close);

/** Exclusive, so that nobody's link is followed. */
const { O_WRONLY, O_CREAT, O_EXCL, O_DSYNC } = constants;
const NEW = O_WRONLY | O_CREAT | O_EXCL;

/** A private file that is written once, from its first byte to its last. All calls throw the error of the file system. */
export class NewFile {
  #bytes = 0;

  private constructor(private readonly descriptor: number) {}

  /** @throws Error with code EEXIST where there is one */
  static async create(path: string): Promise<NewFile> {
    return new NewFile(await openFile(path, NEW, 0o600));
  }

  /** One that needs no sync: what is appended is durable. For a single short write. @throws Error as `create` */
  static async createSynced(path: string): Promise<NewFile> {
    return new NewFile(await openFile(path, NEW | O_DSYNC, 0o600));
  }

  /** Bytes that were written. */
  get bytes(): number {
    return this.#bytes;
  }

  async append(chunks: readonly Buffer[]): Promise<void> {
    let left = chunks.filter(({ length }) => length > 0);
    while (left.length > 0) {
      const { bytesWritten } = await writeFile(this.descriptor, left);
      this.#bytes += bytesWritten;
      // A disk that is almost full writes a part, and says so only with the next call.
      left = behind(left, bytesWritten);
    }
  }

  /** Makes what was written durable. */
  sync(): Promise<void> {
    return syncFile(this.descriptor);
  }

  close(): Promise<void> {
    return closeFile(this.descriptor);
  }
}

/** What is left of `chunks` behind their first `bytes`. */
function behind(chunks: readonly Buffer[], bytes: number): Buffer[] {
  let skipped = bytes;
  return chunks.flatMap((chunk) => {
    const skip = Math.min(skipped, chunk.length);
    skipped -= skip;
    return skip === chunk.length ? [] : [chunk.subarray(skip)];
  });
}
