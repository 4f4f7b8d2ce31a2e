import { Injectable } from '@nestjs/common';
import type { Caller } from '../auth/caller.js';
import { UploadPipeline } from '../ingest/upload-pipeline.service.js';
import type { UploadResult } from '../ingest/upload-result.js';
import type { Pump, UploadSource } from '../ingest/upload-source.js';
import { uuidV7 } from '../observability/random-ids.js';
import { FormProtocol } from './form/form-protocol.service.js';
import { watchClient } from './http/client-watch.js';
import type { HttpExchange } from './http/http-exchange.js';
import { prefersAsync } from './http/preferences.js';
import { contentLength } from './http/request-headers.js';
import { RawProtocol } from './raw/raw-protocol.service.js';

/** Takes uploads that are one request each. */
@Injectable()
export class HttpUploads {
  constructor(
    private readonly pipeline: UploadPipeline,
    private readonly forms: FormProtocol,
    private readonly raws: RawProtocol,
  ) {}

  /** Takes the file of a multipart request under a new id. */
  form(exchange: HttpExchange, caller: Caller): Promise<UploadResult> {
    const open = (): Pump => this.forms.open(exchange);
    const source = { protocol: 'multipart', uploadId: uuidV7(), idIsCallers: false, caller, open };
    return this.receive(exchange, source);
  }

  /** Takes a raw body under the caller's own id. */
  raw(exchange: HttpExchange, caller: Caller, uploadId: string): Promise<UploadResult> {
    const open = (): Pump => this.raws.open(exchange);
    return this.receive(exchange, { protocol: 'raw', uploadId, idIsCallers: true, caller, open });
  }

  private async receive(
    exchange: HttpExchange,
    source: Omit<UploadSource, 'declaredBytes' | 'wantsAsync' | 'clientGone'>,
  ): Promise<UploadResult> {
    const { request } = exchange;
    const client = watchClient(exchange);
    try {
      return await this.pipeline.receive({
        ...source,
        declaredBytes: contentLength(request),
        wantsAsync: prefersAsync(request),
        clientGone: client.gone,
      });
    } finally {
      client.end();
    }
  }
}
