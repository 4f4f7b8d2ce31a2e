import { Controller, HttpCode, HttpStatus, Param, Post, Put, Req, Res } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { validate as isUuid } from 'uuid';
import type { Caller } from '../auth/caller.js';
import { CurrentCaller } from '../auth/current-caller.decorator.js';
import { RequirePermission } from '../auth/require-permission.decorator.js';
import { invalidFields } from './upload-fields.js';
import { ApiMultipartUpload, ApiRawUpload } from './uploads.openapi.js';
import type { Receipt } from './receipt.dto.js';
import { UploadsService } from './uploads.service.js';

/** Where files come in. Bodies are read as they arrive, so no body parser stands in front of these routes. */
@Controller({ path: 'api/files', version: '1' })
@ApiTags('files')
@RequirePermission('files:write')
export class UploadsController {
  constructor(private readonly uploads: UploadsService) {}

  @Post('upload')
  @HttpCode(HttpStatus.CREATED)
  @ApiMultipartUpload()
  upload(
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
    @CurrentCaller() caller: Caller,
  ): Promise<Receipt> {
    return this.uploads.create(request, response, caller);
  }

  @Put(':uuid')
  @ApiRawUpload()
  async put(
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
    @Param('uuid') uuid: string,
    @CurrentCaller() caller: Caller,
  ): Promise<Receipt> {
    if (!isUuid(uuid)) throw invalidFields([{ field: 'uuid', message: 'must be a UUID' }]);
    const { receipt, created } = await this.uploads.put(request, response, uuid.toLowerCase(), caller);
    response.status(created ? HttpStatus.CREATED : HttpStatus.OK);
    return receipt;
  }
}
