import { Controller, Delete, Get, Head, Param, Patch, Post, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { validate as isUuid } from 'uuid';
import type { Caller } from '../auth/caller.js';
import { CurrentCaller } from '../auth/current-caller.decorator.js';
import { RequirePermission } from '../auth/require-permission.decorator.js';
import { ServiceError } from '../errors/service-error.js';
import { noSuchUpload } from '../resumption/resumption-errors.js';
import { UploadResources } from '../resumption/upload-resources.service.js';
import { familyOfCreation } from './http/resumable-family.js';
import type { ResumableProtocol, UploadExchange } from './http/upload-exchange.js';
import {
  ApiAppendResumable,
  ApiAskResumable,
  ApiCreateResumable,
  ApiHeadResumable,
  ApiOverriddenResumable,
  ApiRemoveResumable,
} from './resumable.openapi.js';
import { OtherReplicas } from './replicas/other-replicas.service.js';
import { IetfProtocol } from './resumable/ietf-protocol.service.js';
import { TusProtocol } from './tus/tus-protocol.service.js';

type Method = 'look' | 'append' | 'remove';

/** An upload that is there, and who serves it. */
interface FoundUpload {
  readonly protocol: ResumableProtocol;
  readonly uploadId: string;
}

const RETRY_AFTER_MS = 1_000;

/** Uploads that come in several requests: tus 1.0, and the IETF's resumable uploads. An upload is served by what created it. */
@Controller({ path: 'api/uploads', version: '1' })
@ApiTags('uploads')
@RequirePermission('files:write')
export class ResumableUploadsController {
  constructor(
    private readonly resources: UploadResources,
    private readonly others: OtherReplicas,
    private readonly tus: TusProtocol,
    private readonly ietf: IetfProtocol,
  ) {}

  @Post()
  @ApiCreateResumable()
  async create(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentCaller() caller: Caller,
  ): Promise<void> {
    const exchange = { request, response, caller };
    const protocol = this.creatorFor(request);
    protocol.greet(exchange);
    if (!(await this.others.create(exchange))) await protocol.create(exchange);
  }

  /** Before GET, whose route Express has answer HEAD as well. */
  @Head(':id')
  @ApiHeadResumable()
  look(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
  ): Promise<void> {
    return this.serve({ request, response, caller }, id, 'look').catch(askLater);
  }

  @Get(':id')
  @ApiAskResumable('METHOD_NOT_ALLOWED')
  read(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
  ): Promise<void> {
    return this.look(request, response, caller, id);
  }

  @Patch(':id')
  @ApiAppendResumable()
  append(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
  ): Promise<void> {
    return this.serve({ request, response, caller }, id, 'append');
  }

  @Delete(':id')
  @ApiRemoveResumable()
  remove(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
  ): Promise<void> {
    return this.serve({ request, response, caller }, id, 'remove');
  }

  /** One with a good `X-HTTP-Method-Override` has come to the route of that method. */
  @Post(':id')
  @ApiOverriddenResumable()
  async refuse(
    @Req() request: Request,
    @Res() response: Response,
    @CurrentCaller() caller: Caller,
    @Param('id') id: string,
  ): Promise<void> {
    if (!(await this.find({ request, response, caller }, id))) return;
    throw new ServiceError(
      'VALIDATION_ERROR',
      'A POST to an upload needs `X-HTTP-Method-Override: PATCH`, `DELETE` or `HEAD`.',
    );
  }

  private async serve(exchange: UploadExchange, id: string, method: Method): Promise<void> {
    const found = await this.find(exchange, id);
    await found?.protocol[method](exchange, found.uploadId);
  }

  /**
   * The protocol of an upload; undefined where another replica has it, and has answered. A request that speaks tus is greeted as one
   * before anybody knows whether its upload is there.
   */
  private async find(exchange: UploadExchange, id: string): Promise<FoundUpload | undefined> {
    const { request, caller } = exchange;
    const speaksTus = request.headers['tus-resumable'] !== undefined;
    if (speaksTus) this.tus.greet(exchange);
    if (!isUuid(id)) throw noSuchUpload();
    const uploadId = id.toLowerCase();
    const name = await this.resources.protocolOf(uploadId, caller);
    if (name === undefined) {
      if (await this.others.serve(exchange, uploadId)) return undefined;
      throw noSuchUpload();
    }
    const isTus = name === this.tus.name;
    if (isTus && !speaksTus) {
      this.ietf.takeLeave(exchange);
      this.tus.greet(exchange);
    }
    if (!isTus) this.ietf.greet(exchange);
    return { protocol: isTus ? this.tus : this.ietf, uploadId };
  }

  /** @throws VALIDATION_ERROR for a request that speaks no protocol */
  private creatorFor(request: Request): ResumableProtocol {
    const family = familyOfCreation(request);
    if (family !== undefined) return this[family];
    throw new ServiceError(
      'VALIDATION_ERROR',
      'An upload is created with `Tus-Resumable: 1.0.0` (tus), or with `Upload-Complete` (IETF resumable uploads).',
    );
  }
}

/** Clients give an upload up of which they are told 409 when they ask for it; they ask again after 503. */
function askLater(error: unknown): never {
  if (!(error instanceof ServiceError && error.code === 'UPLOAD_IN_PROGRESS')) throw error;
  throw new ServiceError('BULKHEAD_FULL', 'Others go on with this upload just now.', {
    cause: error,
    retryAfterMs: RETRY_AFTER_MS,
  });
}
