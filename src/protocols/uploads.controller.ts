import { Controller, Param, Post, Put, Req, Res } from '@nestjs/common';
import { ConfigService } from '@nestjs/config';
import { ApiTags } from '@nestjs/swagger';
import type { Request, Response } from 'express';
import { validate as isUuid } from 'uuid';
import type { Caller } from '../auth/caller.js';
import { CurrentCaller } from '../auth/current-caller.decorator.js';
import { RequirePermission } from '../auth/require-permission.decorator.js';
import type { Environment } from '../config/environment.js';
import type { Receipt } from '../ingest/receipt.dto.js';
import { invalidFields } from '../ingest/upload-fields.js';
import type { UploadResult } from '../ingest/upload-result.js';
import { ApiMultipartUpload, ApiRawUpload } from './uploads.openapi.js';
import { UPLOAD_STATUSES } from './http/upload-statuses.js';
import { HttpUploads } from './http-uploads.service.js';
import { OtherReplicas } from './replicas/other-replicas.service.js';
import { IetfFiles } from './resumable/ietf-files.service.js';

/** Where files come in. Bodies are read as they arrive, so no body parser stands in front of these routes. */
@Controller({ path: 'api/files', version: '1' })
@ApiTags('files')
@RequirePermission('files:write')
export class UploadsController {
  private readonly publicUrl: string;

  constructor(
    private readonly uploads: HttpUploads,
    private readonly resumable: IetfFiles,
    private readonly others: OtherReplicas,
    config: ConfigService<Environment, true>,
  ) {
    this.publicUrl = config.get('PUBLIC_URL', { infer: true }) ?? '';
  }

  @Post('upload')
  @ApiMultipartUpload()
  async upload(
    @Req() request: Request,
    @Res({ passthrough: true }) response: Response,
    @CurrentCaller() caller: Caller,
  ): Promise<Receipt> {
    response.vary('Prefer');
    return this.answer(response, await this.uploads.form({ request, response }, caller));
  }

  @Put(':uuid')
  @ApiRawUpload()
  async put(
    @Req() request: Request,
    @Res() response: Response,
    @Param('uuid') uuid: string,
    @CurrentCaller() caller: Caller,
  ): Promise<void> {
    response.vary('Prefer');
    if (!isUuid(uuid)) throw invalidFields([{ field: 'uuid', message: 'must be a UUID' }]);
    const uploadId = uuid.toLowerCase();
    const exchange = { request, response, caller };
    if (this.resumable.isWantedBy(request)) {
      if (!(await this.others.createAs(exchange, uploadId))) await this.resumable.put(exchange, uploadId);
    } else response.json(this.answer(response, await this.uploads.raw(exchange, caller, uploadId)));
  }

  /** Sets status and headers. What is not stored yet can be asked for at its `Location`. */
  private answer(response: Response, { receipt, outcome, asPreferred = false }: UploadResult): Receipt {
    response.status(UPLOAD_STATUSES[outcome]);
    if (outcome === 'accepted')
      response.setHeader('Location', `${this.publicUrl}/api/v1/files/${receipt.upload_id}`);
    if (asPreferred) response.setHeader('Preference-Applied', 'respond-async');
    return receipt;
  }
}
