import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  HttpCode,
  HttpStatus,
  Param,
  Query,
  Req,
  UseInterceptors,
} from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { validate as isUuid } from 'uuid';
import type { Caller } from '../auth/caller.js';
import { CurrentCaller } from '../auth/current-caller.decorator.js';
import { RequirePermission } from '../auth/require-permission.decorator.js';
import { ServiceError } from '../errors/service-error.js';
import { JsonBodyInterceptor } from './json-body.interceptor.js';
import { UploadAborts } from './upload-aborts.service.js';
import {
  AbortOrder,
  type ActiveUploadsBody,
  ActiveUploadsQuery,
  type RecentUploadsBody,
  RecentUploadsQuery,
} from './upload-views.dto.js';
import { ApiAbort, ApiActiveUploads, ApiRecentUploads } from './upload-views.openapi.js';
import { UploadViews } from './upload-views.service.js';
import { validatedBody, validatedQuery } from './validated-body.js';

/** Shows operators the uploads of all replicas, those in flight and those that ended, and lets them stop one. */
@Controller({ path: 'api', version: '1' })
@ApiTags('operations')
@RequirePermission('admin:read')
export class UploadViewsController {
  constructor(
    private readonly views: UploadViews,
    private readonly aborts: UploadAborts,
  ) {}

  @Get('active-uploads')
  @Header('Cache-Control', 'no-store')
  @ApiActiveUploads()
  active(
    @Req() request: Request,
    @Query(validatedQuery) query: ActiveUploadsQuery,
  ): Promise<ActiveUploadsBody> {
    return this.views.active(request, query);
  }

  @Get('recent-uploads')
  @Header('Cache-Control', 'no-store')
  @ApiRecentUploads()
  recent(
    @Req() request: Request,
    @Query(validatedQuery) query: RecentUploadsQuery,
  ): Promise<RecentUploadsBody> {
    return this.views.recent(request, query);
  }

  @Delete('active-uploads/:id')
  @HttpCode(HttpStatus.NO_CONTENT)
  @Header('Cache-Control', 'no-store')
  @RequirePermission('admin:write')
  @UseInterceptors(JsonBodyInterceptor)
  @ApiAbort()
  async abort(
    @Req() request: Request,
    @Param('id') id: string,
    @Body(validatedBody) { reason }: AbortOrder,
    @CurrentCaller() { subject }: Caller,
  ): Promise<void> {
    if (!isUuid(id)) throw new ServiceError('NOT_FOUND', 'No upload of this id is in flight.');
    await this.aborts.abort(request, id.toLowerCase(), { who: subject, reason });
  }
}
