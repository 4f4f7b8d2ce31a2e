import type { DigestCheck } from '../../body/digest-check.js';
import type { FileSink } from '../../ingest/upload-source.js';

/** Shows all bytes of a request to a check, and passes their end on only when that was good. */
export class CheckedContent implements FileSink {
  constructor(
    private readonly check: DigestCheck,
    private readonly consumer: FileSink,
  ) {}

  get backPressure(): Promise<void> | undefined {
    return this.consumer.backPressure;
  }

  write(chunk: Buffer): void {
    this.check.update(chunk);
    this.consumer.write(chunk);
  }

  /** @throws DIGEST_MISMATCH, VALIDATION_ERROR, and what the consumer throws */
  async end(): Promise<void> {
    this.check.finish();
    await this.consumer.end();
  }
}
