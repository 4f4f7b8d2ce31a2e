import { Inject, Injectable } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import type { Environment } from '../../config/environment.js';
import { ServiceError } from '../../errors/service-error.js';
import { UploadLimits } from '../../ingest/upload-limits.js';
import type { FileSink } from '../../ingest/upload-source.js';
import type { UploadState } from '../../resumption/resumable-upload.js';
import { CLOCK, type Clock } from '../../timing/clock.js';

/** What an upload and its requests have to keep to, and the field `Upload-Limit` that says so. */
@Injectable()
export class UploadLimit {
  /** What does not go by time; a complete upload has all the time that there is. */
  readonly ofRequests: string;
  private readonly maxIdleMs: number;
  /** Bytes of one request; 0: any. */
  private readonly maxAppendBytes: number;
  private readonly minAppendBytes: number;

  constructor(
    config: ConfigService<Environment, true>,
    private readonly limits: UploadLimits,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {
    this.maxIdleMs = config.get('RESUMABLE_MAX_IDLE_MS', { infer: true });
    this.maxAppendBytes = config.get('RESUMABLE_MAX_APPEND_BYTES', { infer: true });
    this.minAppendBytes = config.get('RESUMABLE_MIN_APPEND_BYTES', { infer: true });
    this.ofRequests = [
      `max-size=${limits.maxFileBytes}`,
      ...(this.maxAppendBytes > 0 ? [`max-append-size=${this.maxAppendBytes}`] : []),
      ...(this.minAppendBytes > 0 ? [`min-append-size=${this.minAppendBytes}`] : []),
    ].join(', ');
  }

  /** What a new upload has to keep to: also the seconds for which it may stand still. */
  get ofNew(): string {
    return this.write(this.maxIdleMs);
  }

  /** The same of one upload, as it is now. */
  of({ expiresAtMs }: Pick<UploadState, 'expiresAtMs'>): string {
    return expiresAtMs === undefined ? this.ofRequests : this.write(expiresAtMs - this.clock.wallMs());
  }

  /** @throws FILE_TOO_LARGE for a file of so many bytes */
  checkFileBytes(bytes: number | undefined): void {
    this.limits.checkDeclaredBytes(bytes);
  }

  /**
   * Looks at what one request brings, as far as its head says. The last piece may be as small as it is.
   * @throws APPEND_TOO_LARGE, APPEND_TOO_SMALL
   */
  checkAppend(bytes: number | undefined, isLast: boolean): void {
    if (bytes === undefined) return;
    if (this.maxAppendBytes > 0 && bytes > this.maxAppendBytes) throw this.tooLarge();
    if (!isLast && bytes < this.minAppendBytes) {
      throw new ServiceError(
        'APPEND_TOO_SMALL',
        `A request brings at least ${this.minAppendBytes} bytes, but for the last one.`,
      );
    }
  }

  /** Passes on what one request brings that has not said how much. @throws APPEND_TOO_LARGE */
  counted(sink: FileSink): FileSink {
    if (this.maxAppendBytes === 0) return sink;
    let bytes = 0;
    return {
      get backPressure() {
        return sink.backPressure;
      },
      write: (chunk) => {
        bytes += chunk.length;
        if (bytes > this.maxAppendBytes) throw this.tooLarge();
        sink.write(chunk);
      },
      end: () => sink.end(),
    };
  }

  private tooLarge(): ServiceError {
    return new ServiceError(
      'APPEND_TOO_LARGE',
      `A request brings at most ${this.maxAppendBytes} bytes; send the file in more of them.`,
    );
  }

  private write(leftMs: number): string {
    return `${this.ofRequests}, max-age=${Math.max(0, Math.floor(leftMs / 1000))}`;
  }
}
