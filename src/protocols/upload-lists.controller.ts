import { Controller, Get, Header, Query, Req } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request } from 'express';
import { validate as isUuid } from 'uuid';
import type { Caller } from '../auth/caller.js';
import { CurrentCaller } from '../auth/current-caller.decorator.js';
import { RequirePermission } from '../auth/require-permission.decorator.js';
import { invalidFields } from '../ingest/upload-fields.js';
import { ApiListResumable } from './resumable.openapi.js';
import { UploadLists, type WholePage } from './replicas/upload-lists.service.js';

/** The uploads of a caller that are not complete, oldest first; an admin sees those of all. */
@Controller({ path: 'api/uploads', version: '1' })
@ApiTags('uploads')
@RequirePermission('files:write')
export class UploadListsController {
  constructor(private readonly lists: UploadLists) {}

  @Get()
  @Header('Cache-Control', 'no-store')
  @ApiListResumable()
  list(
    @Req() request: Request,
    @CurrentCaller() caller: Caller,
    @Query('after') after: string | undefined,
    @Query('limit') limit: string | undefined,
  ): Promise<WholePage> {
    if (after !== undefined && !isUuid(after))
      throw invalidFields([{ field: 'after', message: 'must be a UUID' }]);
    return this.lists.list(request, caller, { after: after ?? '', limit: pageSize(limit) });
  }
}

function pageSize(limit = '100'): number {
  const size = /^[0-9]{1,4}$/.test(limit) ? Number(limit) : 0;
  if (size >= 1 && size <= 1000) return size;
  throw invalidFields([{ field: 'limit', message: 'must be a whole number from 1 to 1000' }]);
}
