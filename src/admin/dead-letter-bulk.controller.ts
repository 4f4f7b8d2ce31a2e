import {
  Body,
  Controller,
  Get,
  Header,
  HttpCode,
  HttpStatus,
  Post,
  Query,
  UseInterceptors,
} from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Caller } from '../auth/caller.js';
import { CurrentCaller } from '../auth/current-caller.decorator.js';
import { RequirePermission } from '../auth/require-permission.decorator.js';
import { DeadLetterBulk } from '../delivery/dead-letter-bulk.service.js';
import {
  type DeadLetterGroupsBody,
  DropAllOrder,
  type DropBody,
  dropBody,
  groupsBody,
  type PreviewBody,
  previewBody,
  PreviewOrder,
} from './dead-letter-bulk.dto.js';
import { DeadLetterFilterBody, filterOf } from './dead-letter-query.dto.js';
import { ApiDropAll, ApiGroups, ApiPreview } from './dead-letters.openapi.js';
import { JsonBodyInterceptor } from './json-body.interceptor.js';
import { validatedQuery } from './validated-body.js';

/** Lets operators deal with many dead letters at once; where its paths are ids to another controller, it comes first. */
@Controller({ path: 'api/dead-letters', version: '1' })
@ApiTags('operations')
@RequirePermission('admin:read')
export class DeadLetterBulkController {
  constructor(private readonly bulk: DeadLetterBulk) {}

  @Get('groups')
  @Header('Cache-Control', 'no-store')
  @ApiGroups()
  async groups(@Query(validatedQuery) filter: DeadLetterFilterBody): Promise<DeadLetterGroupsBody> {
    return groupsBody(await this.bulk.groups(filterOf(filter)));
  }

  /** It changes nothing. */
  @Post('preview')
  @HttpCode(HttpStatus.OK)
  @Header('Cache-Control', 'no-store')
  @UseInterceptors(JsonBodyInterceptor)
  @ApiPreview()
  async preview(@Body(validatedQuery) { action, filter }: PreviewOrder): Promise<PreviewBody> {
    const understood = filterOf(filter);
    return previewBody(action, understood, await this.bulk.preview(action, understood));
  }

  @Post('drop')
  @HttpCode(HttpStatus.OK)
  @Header('Cache-Control', 'no-store')
  @RequirePermission('admin:write')
  @UseInterceptors(JsonBodyInterceptor)
  @ApiDropAll()
  async drop(
    @Body(validatedQuery) { filter, ...order }: DropAllOrder,
    @CurrentCaller() { subject: who }: Caller,
  ): Promise<DropBody> {
    return dropBody(await this.bulk.drop({ ...order, filter: filterOf(filter), who }));
  }
}
