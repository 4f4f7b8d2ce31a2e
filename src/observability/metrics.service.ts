import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Registry } from '@prometheus-io/client';
import { OutboundMetrics } from './outbound-metrics.js';
import { processMetrics } from './process-metrics.js';
import { UploadMetrics } from './upload-metrics.js';

/** The metrics of one application: what every room counts, and what the operations room serves. */
@Injectable()
export class Metrics implements OnApplicationShutdown {
  /** For the metrics of a room that knows more than this one. */
  readonly registry = new Registry();
  readonly uploads = new UploadMetrics(this.registry);
  readonly outbound = new OutboundMetrics(this.registry);
  private readonly process = processMetrics();

  readonly contentType = this.registry.contentType;

  /** All metrics in the text format of Prometheus. */
  text(): Promise<string> {
    return Registry.merge([this.registry, this.process]).metrics();
  }

  onApplicationShutdown(): void {
    this.registry.clear();
  }
}
