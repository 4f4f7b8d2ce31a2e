import type { ServerResponse } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { Caller } from '../auth/caller.js';
import { UploadPipeline } from '../ingest/upload-pipeline.service.js';
import type { UploadResult } from '../ingest/upload-result.js';
import type { UploadSource } from '../ingest/upload-source.js';
import { uploadIdOfKey } from '../ingest/upload-id-of-key.js';
import { uuidV7 } from '../observability/random-ids.js';
import { FormProtocol } from './form/form-protocol.service.js';
import { watchClient } from './http/client-watch.js';
import { idempotencyKey } from './http/idempotency-key.js';
import { formatDigest } from './http/digest-fields.js';
import type { HttpExchange } from './http/http-exchange.js';
import { prefersAsync } from './http/preferences.js';
import type { OpenedRequest } from './http/pump-request.js';
import type { RequestDigests } from './http/request-digests.js';
import { contentLength } from './http/request-headers.js';
import { RawProtocol } from './raw/raw-protocol.service.js';

interface RequestSource extends Pick<
  UploadSource,
  'protocol' | 'uploadId' | 'idIsCallers' | 'isKeyed' | 'caller'
> {
  readonly open: () => OpenedRequest;
}

/** Takes uploads that are one request each. */
@Injectable()
export class HttpUploads {
  constructor(
    private readonly pipeline: UploadPipeline,
    private readonly forms: FormProtocol,
    private readonly raws: RawProtocol,
  ) {}

  /**
   * Takes the file of a multipart request under a new id, or under that of the key which makes it one that may be repeated.
   * @throws IDEMPOTENCY_KEY_REUSED when the key was used for another file or other fields; VALIDATION_ERROR for a bad key
   */
  form(exchange: HttpExchange, caller: Caller): Promise<UploadResult> {
    const open = (): OpenedRequest => this.forms.open(exchange);
    const key = idempotencyKey(exchange.request);
    const isKeyed = key !== undefined;
    const uploadId = isKeyed ? uploadIdOfKey(caller.subject, key) : uuidV7();
    const source = { protocol: 'multipart', uploadId, idIsCallers: isKeyed, isKeyed, caller, open };
    return this.receive(exchange, source);
  }

  /** Takes a raw body under the caller's own id. */
  raw(exchange: HttpExchange, caller: Caller, uploadId: string): Promise<UploadResult> {
    const open = (): OpenedRequest => this.raws.open(exchange);
    return this.receive(exchange, { protocol: 'raw', uploadId, idIsCallers: true, caller, open });
  }

  private async receive(exchange: HttpExchange, { open, ...source }: RequestSource): Promise<UploadResult> {
    const { request, response } = exchange;
    const client = watchClient(exchange);
    let digests: RequestDigests = {};
    try {
      const result = await this.pipeline.receive({
        ...source,
        declaredBytes: contentLength(request),
        wantsAsync: prefersAsync(request),
        clientGone: client.gone,
        open: () => {
          const opened = open();
          digests = opened.digests;
          return opened.pump;
        },
      });
      tellDigest(response, digests);
      return result;
    } finally {
      client.end();
    }
  }
}

/** Tells who wants to know it what came, so that he need not ask for the file. */
function tellDigest(response: ServerResponse, { wanted, file }: RequestDigests): void {
  if (!wanted || !file) return;
  response.setHeader('Repr-Digest', formatDigest({ algorithm: wanted, hex: file.digestOf(wanted) }));
}
