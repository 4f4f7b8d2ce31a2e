import { Controller, Delete, Get, Header, Param, Patch, Post, Query, Req, Res } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { validate as isUuid } from 'uuid';
import type { Caller } from '../auth/caller.js';
import { CurrentCaller } from '../auth/current-caller.decorator.js';
import { RequirePermission } from '../auth/require-permission.decorator.js';
import { ServiceError } from '../errors/service-error.js';
import { invalidFields } from '../ingest/upload-fields.js';
import { UploadListing, type UploadPage } from '../resumption/upload-listing.service.js';
import { UploadResources } from '../resumption/upload-resources.service.js';
import type { ResumableProtocol, UploadExchange } from './http/upload-exchange.js';
import { IetfProtocol } from './resumable/ietf-protocol.service.js';
import { TusProtocol } from './tus/tus-protocol.service.js';

type Method = 'look' | 'append' | 'remove';

/** What `X-HTTP-Method-Override` may name, for clients that can send nothing but `POST`. */
const OVERRIDES: Readonly<Record<string, Method>> = { PATCH: 'append', DELETE: 'remove', HEAD: 'look' };

/** Uploads that come in several requests: tus 1.0, and the IETF's resumable uploads. An upload is served by what created it. */
@Controller({ path: 'api/uploads', version: '1' })
@ApiExcludeController()
@RequirePermission('files:write')
export class ResumableUploadsController {
  constructor(
    private readonly resources: UploadResources,
    private readonly listing: UploadListing,
    private readonly tus: TusProtocol,
    private readonly ietf: IetfProtocol,
  ) {}

  @Post()
  async create(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentCaller() caller: Caller,
  ): Promise<void> {
    const exchange = { request, response, caller };
    const protocol = this.creatorFor(request);
    protocol.greet(exchange);
    await protocol.create(exchange);
  }

  /** The uploads of the caller that are not complete, oldest first. */
  @Get()
  @Header('Cache-Control', 'no-store')
  list(
    @CurrentCaller() caller: Caller,
    @Query('after') after: string | undefined,
    @Query('limit') limit: string | undefined,
  ): Promise<UploadPage> {
    if (after !== undefined && !isUuid(after))
      throw invalidFields([{ field: 'after', message: 'must be a UUID' }]);
    return this.listing.list(caller, after ?? '', pageSize(limit));
  }

  /** Also for HEAD, which Express has the route of GET answer. */
  @Get(':id')
  look(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
  ): Promise<void> {
    return this.serve({ request, response, caller }, id, 'look');
  }

  @Patch(':id')
  append(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
  ): Promise<void> {
    return this.serve({ request, response, caller }, id, 'append');
  }

  @Delete(':id')
  remove(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
  ): Promise<void> {
    return this.serve({ request, response, caller }, id, 'remove');
  }

  @Post(':id')
  override(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
  ): Promise<void> {
    const method = OVERRIDES[request.get('x-http-method-override')?.toUpperCase() ?? ''];
    if (!method) {
      throw new ServiceError(
        'VALIDATION_ERROR',
        'A POST to an upload needs `X-HTTP-Method-Override: PATCH`, `DELETE` or `HEAD`.',
      );
    }
    return this.serve({ request, response, caller }, id, method);
  }

  /** A request that speaks tus is greeted as one before anybody knows whether its upload is there. */
  private async serve(exchange: UploadExchange, id: string, method: Method): Promise<void> {
    const { request, caller } = exchange;
    const speaksTus = request.headers['tus-resumable'] !== undefined;
    if (speaksTus) this.tus.greet(exchange);
    if (!isUuid(id)) throw new ServiceError('NOT_FOUND', 'There is no upload with this id.');
    const uploadId = id.toLowerCase();
    const name = await this.resources.protocolOf(uploadId, caller);
    const protocol = name === this.tus.name ? this.tus : this.ietf;
    if (!speaksTus || protocol !== this.tus) protocol.greet(exchange);
    await protocol[method](exchange, uploadId);
  }

  /** @throws VALIDATION_ERROR for a request that speaks no protocol */
  private creatorFor({ headers }: Request): ResumableProtocol {
    if (headers['tus-resumable'] !== undefined) return this.tus;
    if (headers['upload-complete'] !== undefined || headers['upload-draft-interop-version'] !== undefined)
      return this.ietf;
    const isTus = ['upload-length', 'upload-defer-length', 'upload-concat'].some(
      (name) => headers[name] !== undefined,
    );
    if (isTus) return this.tus;
    throw new ServiceError(
      'VALIDATION_ERROR',
      'An upload is created with `Tus-Resumable: 1.0.0` (tus), or with `Upload-Complete` (IETF resumable uploads).',
    );
  }
}

function pageSize(limit = '100'): number {
  const size = /^[0-9]{1,4}$/.test(limit) ? Number(limit) : 0;
  if (size >= 1 && size <= 1000) return size;
  throw invalidFields([{ field: 'limit', message: 'must be a whole number from 1 to 1000' }]);
}
