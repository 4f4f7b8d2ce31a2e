import { ServiceError } from '../errors/service-error.js';
import type { FileSink } from '../ingest/upload-source.js';
import type { AppendTarget } from './files/append-target.js';
import type { Append } from './resumable-upload.js';

/** Where the bytes of one request go: counted, and checked where that is wanted. */
export class AppendSink implements FileSink {
  bytes = 0;
  /** Did more come than the upload has room for? */
  hasOverflown = false;

  constructor(
    private readonly target: AppendTarget,
    private readonly room: number,
    private readonly append: Append,
    private readonly received: (bytes: number) => void,
  ) {}

  get backPressure(): Promise<void> | undefined {
    return this.target.backPressure;
  }

  write(chunk: Buffer): void {
    if (this.bytes + chunk.length > this.room) {
      this.hasOverflown = true;
      throw noRoom(this.room);
    }
    this.bytes += chunk.length;
    this.received(this.bytes);
    this.append.check?.update(chunk);
    this.target.write(chunk);
  }

  async end(): Promise<void> {
    this.append.check?.verify();
    await this.target.flush();
  }
}

export function noRoom(room: number): ServiceError {
  return new ServiceError('FILE_TOO_LARGE', `The upload has room for ${room} more bytes.`);
}
