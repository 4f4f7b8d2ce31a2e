import type { IncomingFile } from './incoming-file.js';
import type { BodyConsumer } from './request-reader.js';

/** Reads a request whose whole body is the file. */
export class RawUpload implements BodyConsumer {
  constructor(private readonly file: IncomingFile) {}

  get backPressure(): Promise<void> | undefined {
    return this.file.backPressure;
  }

  write(chunk: Buffer): void {
    this.file.write(chunk);
  }

  end(): Promise<void> {
    return this.file.end();
  }
}
