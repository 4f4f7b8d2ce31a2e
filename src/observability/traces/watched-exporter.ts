import { Logger } from '@nestjs/common';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace';

type Taken = Parameters<SpanExporter['export']>[1];

/** Says once that the collector takes nothing, and once that it takes traces again: the SDK says neither. */
export class WatchedExporter implements SpanExporter {
  private readonly logger = new Logger('Tracing');
  private isFailing = false;
  /** At a shutdown somebody else tells what fails. */
  isSilent = false;

  constructor(private readonly exporter: SpanExporter) {}

  export(spans: ReadableSpan[], taken: Taken): void {
    this.exporter.export(spans, (result) => {
      this.tell(result.error);
      taken(result);
    });
  }

  shutdown(): Promise<void> {
    return this.exporter.shutdown();
  }

  async forceFlush(): Promise<void> {
    await this.exporter.forceFlush?.();
  }

  private tell(error: Error | undefined): void {
    const isFailing = error !== undefined;
    if (this.isSilent || isFailing === this.isFailing) return;
    this.isFailing = isFailing;
    if (isFailing)
      this.logger.warn({ err: error }, 'the collector takes no traces; they are dropped meanwhile');
    else this.logger.log('the collector takes traces again');
  }
}
