import { Injectable } from '@nestjs/common';
import { ServiceError } from '../../errors/service-error.js';
import { UploadResources } from '../../resumption/upload-resources.service.js';
import type { ResumableProtocol, UploadExchange } from '../http/upload-exchange.js';
import { TusAnswers } from './tus-answers.service.js';
import { TusBodies } from './tus-bodies.service.js';
import { TUS_PROTOCOL, TusCreations } from './tus-creations.service.js';
import { bytesIn, TUS_VERSION } from './tus-headers.js';

/** tus 1.0 (https://tus.io/protocols/resumable-upload): core, and all of its extensions. */
@Injectable()
export class TusProtocol implements ResumableProtocol {
  readonly name = TUS_PROTOCOL;

  constructor(
    private readonly creations: TusCreations,
    private readonly resources: UploadResources,
    private readonly bodies: TusBodies,
    private readonly answers: TusAnswers,
  ) {}

  /** @throws TUS_VERSION_UNSUPPORTED for a request of another version, and for one without */
  greet({ request, response }: UploadExchange): void {
    response.setHeader('Tus-Resumable', TUS_VERSION);
    if (request.headers['tus-resumable'] === TUS_VERSION) return;
    response.setHeader('Tus-Version', TUS_VERSION);
    throw new ServiceError(
      'TUS_VERSION_UNSUPPORTED',
      `The request must have \`Tus-Resumable: ${TUS_VERSION}\`.`,
    );
  }

  create(exchange: UploadExchange): Promise<void> {
    return this.creations.create(exchange);
  }

  async look(exchange: UploadExchange, uploadId: string): Promise<void> {
    if (exchange.request.method === 'GET') {
      throw new ServiceError('METHOD_NOT_ALLOWED', 'A tus upload cannot be read.', {
        headers: { Allow: 'HEAD, PATCH, DELETE, POST, OPTIONS' },
      });
    }
    this.answers.look(exchange, await this.resources.find(uploadId, exchange.caller));
  }

  async append(exchange: UploadExchange, uploadId: string): Promise<void> {
    const { headers } = exchange.request;
    const plan = this.bodies.planOf(exchange, () => bytesIn(headers, 'Upload-Offset'));
    this.answers.received(exchange, await this.bodies.take(exchange, uploadId, plan), 204);
  }

  async remove({ response, caller }: UploadExchange, uploadId: string): Promise<void> {
    await this.resources.remove(uploadId, caller);
    response.status(204).end();
  }
}
