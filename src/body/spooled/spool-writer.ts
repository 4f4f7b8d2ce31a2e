import { asError } from '../../errors/as-error.js';
import { spoolFull } from '../spool-failure.js';
import type { MemoryWindow } from './memory-window.js';
import type { SpoolFile } from './spool-file.js';

/** Moves a body from its memory window to a spool file, one write at a time; the file is made with the first. */
export class SpoolWriter {
  #file: Promise<SpoolFile> | undefined;
  #made: SpoolFile | undefined;
  #writtenBytes = 0;
  #writing = false;
  #lastWrite: Promise<void> | undefined;
  #failure: Error | undefined;
  #removed: Promise<void> | undefined;

  /** `onSettled` is called when a write has ended, well or not, with the file where one could be made. */
  constructor(
    private readonly window: Pick<MemoryWindow, 'end' | 'slicesFrom'>,
    private readonly createFile: () => Promise<SpoolFile>,
    private readonly onSettled: (file?: SpoolFile) => void,
  ) {}

  /** Was a file asked for? */
  get begun(): boolean {
    return this.#file !== undefined;
  }

  /** Bytes of the body, from its beginning, that can be read from the file. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Why nothing more is written; what was written before stays readable. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Is it not sure any more that what was written can be read? */
  get isDamaged(): boolean {
    return this.#made?.isDamaged ?? false;
  }

  /** Begins to write what the window holds and the file does not, unless a write is under way. */
  flush(): void {
    if (this.#writing || this.#failure || this.#removed) return;
    this.#writing = true;
    this.#lastWrite = this.#write();
  }

  /** Makes the file before there is anything to be written. */
  begin(): void {
    if (this.#removed) return;
    this.#file ??= this.#create();
    // The first write sees it.
    this.#file.catch(() => undefined);
  }

  /** Writes all that has come; false where the file takes no more, or is gone. */
  async writeAll(): Promise<boolean> {
    while (this.#writtenBytes < this.window.end && !this.#failure && !this.#removed) {
      this.flush();
      await this.#lastWrite;
    }
    return !this.#failure && !this.#removed;
  }

  /** Gives the file the name `path` as well; false where there is no file, or that could not be done. */
  async link(path: string): Promise<boolean> {
    const file = await this.#file?.catch(() => undefined);
    return file !== undefined && !this.#removed && file.link(path);
  }

  /** Makes the file durable. @throws Error of the file system */
  async sync(): Promise<void> {
    const file = await this.#file;
    if (!file || this.#removed) throw removed();
    await file.sync();
  }

  /** Writes all that has come, and keeps the file as `path`. @throws Error of the file system */
  async keep(path: string, onNamed: () => Promise<void>): Promise<void> {
    await this.writeAll();
    if (this.#failure) throw this.#failure;
    if (this.#removed) throw removed();
    // A body without a byte has no file yet.
    this.#file ??= this.#create();
    const file = await this.#file;
    await file.keep(path, onNamed);
  }

  /** @throws Error of the file system */
  async read(position: number, length: number): Promise<Buffer> {
    if (!this.#file) throw new Error('Nothing was written yet');
    const file = await this.#file;
    return file.read(position, length);
  }

  /** Removes the file, also one that is still being made. Harmless when repeated. */
  remove(): Promise<void> {
    this.#removed ??= this.#remove();
    return this.#removed;
  }

  async #create(): Promise<SpoolFile> {
    this.#made = await this.createFile();
    return this.#made;
  }

  async #write(): Promise<void> {
    let file: SpoolFile | undefined;
    try {
      this.#file ??= this.#create();
      file = await this.#file;
      // The slices are taken now, because more may have come while the file was made.
      const written = this.#removed ? 0 : await this.#writeNext(file);
      this.#writtenBytes += written;
    } catch (error) {
      this.#failure = asError(error);
    }
    this.#writing = false;
    this.onSettled(file);
  }

  /** A disk that is almost full writes a part, and says so only with the next call. */
  async #writeNext(file: SpoolFile): Promise<number> {
    const written = await file.write(this.window.slicesFrom(this.#writtenBytes), this.#writtenBytes);
    if (written === 0) throw spoolFull('The disk takes no more bytes.');
    return written;
  }

  async #remove(): Promise<void> {
    const file = await this.#file?.catch(() => undefined);
    await file?.remove();
  }
}

function removed(): Error {
  return new Error('The spool file was removed');
}
